/** Domains whose names no training schema and no training question has: see split heldout_names. */
import type { Domain, Entity, EntityColumn } from './entities.ts';
import type { Concept, Kind, NameStyle } from './lexicon.ts';

interface Unseen {
  domains: readonly Domain[];
  concept: (id: string) => Concept;
}

function concept(id: string, kind: Kind, low = 0, high = 0, values: string[] = []): Concept {
  return { id, kind, words: [id], values, range: [low, high], tenths: false };
}

const NUMBERS =
  'orbit thrust tonnage voltage salinity humidity pressure magnitude latency torque radius frequency viscosity density purity toxicity brightness tariff royalty quota wattage luminosity';
const YEARS = 'discovery inception vintage';
const DATES = 'timestamp milestone inspection';
const CATEGORIES: Record<string, string> = {
  hull: 'steel,wood,carbon,alloy',
  galaxy: 'Milky,Spiral,Dwarf,Ring',
  mineral: 'quartz,salt,iron,zinc,talc',
  isotope: 'alpha,beta,gamma,omega',
  habitat: 'forest,desert,reef,swamp,tundra',
  climate: 'humid,dry,mild,polar',
  texture: 'smooth,rough,soft,coarse',
  aroma: 'mint,rose,smoke,honey,pine',
  emblem: 'anchor,lion,eagle,star',
  provenance: 'Rome,Cairo,Lima,Oslo,Delhi',
};
const NAME = 'moniker';

const concepts = new Map<string, Concept>(
  [
    ...NUMBERS.split(' ').map((id, i) => concept(id, 'number', 40 + 3 * i, 400 + 27 * i)),
    ...YEARS.split(' ').map((id) => concept(id, 'year', 1951, 2019)),
    ...DATES.split(' ').map((id) => concept(id, 'date', 2012, 2023)),
    ...Object.entries(CATEGORIES).map(([id, values]) =>
      concept(id, 'category', 0, 0, values.split(',')),
    ),
    { ...concept('name', 'name'), words: [NAME] },
  ].map((c) => [c.id, c]),
);

function entity(name: string, names: NameStyle | undefined, columns: string): Entity {
  return {
    id: name,
    words: [name],
    names,
    columns: columns.split(' ').map((id): EntityColumn => ({ concept: id, nullable: false })),
  };
}

function domain(id: string, entities: Entity[], relations: string[]): Domain {
  return {
    id,
    entities,
    relations: relations.map((line) => {
      const [child, parent] = line.split(' ') as [string, string];
      return { child, parent, preposition: 'of' };
    }),
  };
}

const DOMAINS: readonly Domain[] = [
  domain(
    'space',
    [
      entity('planet', 'title', 'orbit radius magnitude climate galaxy discovery'),
      entity('satellite', 'plane', 'thrust voltage frequency emblem inception'),
      entity('probe', 'plane', 'latency wattage hull milestone luminosity'),
      entity('crater', undefined, 'radius brightness mineral discovery texture'),
    ],
    ['satellite planet', 'crater planet', 'probe planet', 'probe satellite'],
  ),
  domain(
    'port',
    [
      entity('harbormaster', 'person', 'quota royalty emblem inspection'),
      entity('vessel', 'plane', 'tonnage torque hull vintage thrust'),
      entity('cargo', 'product', 'tariff humidity density provenance inspection'),
      entity('anchorage', undefined, 'salinity pressure climate milestone'),
    ],
    ['vessel harbormaster', 'cargo vessel', 'anchorage vessel', 'cargo harbormaster'],
  ),
  domain(
    'laboratory',
    [
      entity('chemist', 'person', 'quota royalty emblem inspection'),
      entity('reagent', 'product', 'purity toxicity viscosity isotope vintage'),
      entity('specimen', 'product', 'density brightness habitat texture timestamp'),
      entity('assay', undefined, 'pressure voltage frequency mineral timestamp'),
    ],
    ['specimen chemist', 'assay specimen', 'assay reagent', 'reagent chemist'],
  ),
  domain(
    'perfumery',
    [
      entity('perfumer', 'person', 'royalty quota provenance inception'),
      entity('fragrance', 'title', 'purity density aroma vintage tariff'),
      entity('boutiquier', 'company', 'quota humidity emblem inception'),
      entity('consignment', undefined, 'tonnage tariff texture timestamp'),
    ],
    ['fragrance perfumer', 'consignment fragrance', 'consignment boutiquier'],
  ),
];

export const unseenDomains = (): Unseen => ({
  domains: DOMAINS,
  concept: (id) => {
    const found = concepts.get(id);
    if (found === undefined) throw new RangeError(`no unseen concept ${id}`);
    return found;
  },
});
