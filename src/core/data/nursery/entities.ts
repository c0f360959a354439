/** Entities, the columns each may have, and the twelve domains that relate them. */
import { DISPLAY_NAMES, type NameStyle } from './lexicon.ts';

export interface EntityColumn {
  concept: string;
  nullable: boolean;
  /** Overrides the concept's values. */
  values?: readonly string[];
  range?: readonly [number, number];
}

export interface Entity {
  id: string;
  /** At least four names; the words of no two entities overlap, nor with a column's. */
  words: readonly string[];
  /** Undefined for events such as loans, which have no display name. */
  names: NameStyle | undefined;
  columns: readonly EntityColumn[];
}

/** A child row refers to one parent row: `songs by the singer Adams`. */
export interface Relation {
  child: string;
  parent: string;
  preposition: string;
}

export interface Domain {
  id: string;
  entities: readonly Entity[];
  relations: readonly Relation[];
}

/**
 * Columns as `concept`, with `?` when nullable, and values after `=`: a list for a category, a
 * range for a number.
 */
function entity(words: string, names: NameStyle | undefined, columns: string): Entity {
  const list = words.split(' ');
  if (names !== undefined && !(names in DISPLAY_NAMES)) throw new RangeError(names);
  return {
    id: list[0]!,
    words: list,
    names,
    columns: columns.split(' ').map((spec): EntityColumn => {
      const [name, values] = spec.split('=') as [string, string?];
      const nullable = name.endsWith('?');
      const concept = nullable ? name.slice(0, -1) : name;
      if (values === undefined) return { concept, nullable };
      const range = /^(\d+)-(\d+)$/.exec(values);
      return range
        ? { concept, nullable, range: [Number(range[1]), Number(range[2])] }
        : { concept, nullable, values: values.split(',') };
    }),
  };
}

function domain(id: string, entities: Entity[], relations: string[]): Domain {
  return {
    id,
    entities,
    relations: relations.map((line) => {
      const [child, preposition, parent] = line.split(' ') as [string, string, string];
      return { child, parent, preposition };
    }),
  };
}

const BOOKS = 'Fantasy,Crime,Poetry,Travel,Drama,Satire';
const FILMS = 'Comedy,Drama,Horror,Action,Western,Musical';
const ARTS = 'Cubist,Gothic,Modern,Baroque,Realist,Pop';

export const DOMAINS: readonly Domain[] = [
  domain(
    'music',
    [
      entity(
        'singer vocalist artist musician',
        'person',
        'country city age genre rating nickname?',
      ),
      entity('album record disc compilation', 'title', 'year genre price sales rating award?'),
      entity('song track tune single', 'title', 'duration genre year rating language votes'),
      entity('concert gig recital show', undefined, 'date city attendance price revenue sponsor?'),
    ],
    ['album by singer', 'song on album', 'song by singer', 'concert by singer'],
  ),
  domain(
    'library',
    [
      entity('author writer novelist essayist', 'person', 'country age language salary award?'),
      entity('book volume novel publication', 'title', `year genre=${BOOKS} price stock language`),
      entity('member reader borrower subscriber', 'person', 'city age plan phone joined'),
      entity('loan borrowing checkout lending', undefined, 'date due status price=2-39'),
    ],
    ['book by author', 'loan of book', 'loan by member'],
  ),
  domain(
    'shop',
    [
      entity('customer client buyer shopper', 'person', 'city age plan phone country joined'),
      entity('product item article ware', 'product', 'price stock brand color weight rating type'),
      entity('purchase sale deal trade', undefined, 'date quantity payment status revenue'),
      entity(
        'supplier vendor distributor wholesaler',
        'company',
        'country city phone founded rating',
      ),
      entity('store shop outlet boutique', 'place', 'city area revenue headcount manager district'),
    ],
    ['purchase by customer', 'purchase of product', 'product from supplier', 'purchase at store'],
  ),
  domain(
    'hospital',
    [
      entity(
        'hospital clinic infirmary sanatorium',
        'place',
        'city capacity founded budget headcount',
      ),
      entity('doctor physician surgeon medic', 'person', 'specialty salary age tenure phone shift'),
      entity(
        'patient inpatient outpatient sufferer',
        'person',
        'age city diagnosis weight allergy?',
      ),
      entity('appointment consultation checkup session', undefined, 'date price duration status'),
    ],
    ['doctor at hospital', 'appointment with doctor', 'appointment of patient'],
  ),
  domain(
    'school',
    [
      entity('student pupil learner scholar', 'person', 'age city grade country phone'),
      entity(
        'teacher instructor professor lecturer',
        'person',
        'salary tenure subject age manager',
      ),
      entity('course module seminar workshop', 'course', 'credits season capacity price language'),
      entity('enrollment signup admission application', undefined, 'date points payment status'),
    ],
    ['course by teacher', 'enrollment of student', 'enrollment in course'],
  ),
  domain(
    'flights',
    [
      entity(
        'airline carrier airway operator',
        'company',
        'country founded revenue headcount rating',
      ),
      entity('plane aircraft airplane jet', 'plane', 'capacity speed weight year brand'),
      entity('pilot captain aviator flyer', 'person', 'age salary tenure country shift'),
      entity('flight trip journey connection', undefined, 'date distance price delay destination'),
      entity('airport airfield hub aerodrome', 'place', 'city country visits area manager'),
    ],
    [
      'flight on plane',
      'flight by pilot',
      'plane of airline',
      'pilot at airline',
      'flight from airport',
    ],
  ),
  domain(
    'restaurants',
    [
      entity(
        'restaurant diner eatery bistro',
        'place',
        'city cuisine rating capacity founded phone',
      ),
      entity(
        'dish meal plate entree',
        'dish',
        'price calories votes type=main,starter,dessert,side',
      ),
      entity('chef cook caterer baker', 'person', 'age salary tenure country award?'),
      entity('review critique comment opinion', undefined, 'date rating votes language'),
    ],
    ['dish at restaurant', 'chef at restaurant', 'review of restaurant'],
  ),
  domain(
    'sports',
    [
      entity('stadium arena ground venue', 'place', 'city capacity founded area district'),
      entity('team club squad side', 'team', 'city wins budget founded color sponsor?'),
      entity(
        'player athlete footballer competitor',
        'person',
        'age position points salary country',
      ),
      entity('game fixture contest matchup', undefined, 'date attendance duration price revenue'),
    ],
    ['team at stadium', 'player in team', 'game at stadium', 'game of team'],
  ),
  domain(
    'cinema',
    [
      entity(
        'studio filmhouse moviemaker film_company',
        'company',
        'country founded budget headcount',
      ),
      entity(
        'movie film picture feature',
        'title',
        `year genre=${FILMS} duration rating language director award?`,
      ),
      entity('cinema theater multiplex playhouse', 'place', 'city capacity district phone manager'),
      entity('screening showing projection viewing', undefined, 'date price attendance season'),
    ],
    ['movie by studio', 'screening of movie', 'screening at cinema'],
  ),
  domain(
    'museum',
    [
      entity('museum gallery collection exhibition', 'place', 'city founded visits price budget'),
      entity(
        'painter illustrator portraitist sketcher',
        'person',
        `country age genre=${ARTS} award?`,
      ),
      entity('painting artwork canvas portrait', 'title', 'year value material area subject'),
      entity('tour excursion walk outing', undefined, 'date duration price language attendance'),
    ],
    ['painting by painter', 'painting in museum', 'tour of museum'],
  ),
  domain(
    'farm',
    [
      entity('farmer grower rancher planter', 'person', 'age tenure city phone'),
      entity('farm ranch estate homestead', 'place', 'area city founded revenue headcount'),
      entity('animal beast creature critter', 'animal', 'breed weight age value color'),
      entity('plot pasture meadow parcel', undefined, 'crop area yield season'),
    ],
    ['farm of farmer', 'animal on farm', 'plot on farm'],
  ),
  domain(
    'hotel',
    [
      entity('hotel inn resort motel', 'place', 'city rating capacity founded country'),
      entity('room suite chamber apartment', undefined, 'type price area view status'),
      entity('guest traveler lodger tourist', 'person', 'country age phone plan city'),
      entity('booking reservation stay lodging', undefined, 'date duration payment revenue'),
    ],
    ['room in hotel', 'booking of room', 'booking by guest'],
  ),
];
