/**
 * Column concepts of the Nursery: what a column means, the words for it and the values it takes. A
 * schema variant picks one word as the column's name; questions may use any of them.
 */

/**
 * name: a table's display name; category: few values, groupable; text: other text; number: a
 * measure; year; date: ISO text.
 */
export type Kind = 'name' | 'category' | 'text' | 'number' | 'year' | 'date';

export interface Concept {
  id: string;
  kind: Kind;
  /** At least four names; the words of no two concepts overlap. */
  words: readonly string[];
  /** Values of categories and texts. */
  values: readonly string[];
  /** Range of numbers and years, both ends included; numbers with `tenths` have one decimal. */
  range: readonly [number, number];
  tenths: boolean;
  /** Adjectives for the highest and the lowest value: `the most expensive`, `the cheapest`. */
  adjectives?: readonly [string, string];
}

const split = (text: string): string[] => text.split(' ');

function number(
  id: string,
  words: string,
  low: number,
  high: number,
  adjectives?: readonly [string, string],
  tenths = false,
): Concept {
  return {
    id,
    kind: 'number',
    words: split(words),
    values: [],
    range: [low, high],
    tenths,
    ...(adjectives && { adjectives }),
  };
}

function calendar(
  id: string,
  kind: 'year' | 'date',
  words: string,
  low: number,
  high: number,
  adjectives?: readonly [string, string],
): Concept {
  return { ...number(id, words, low, high, adjectives), kind };
}

function text(id: string, words: string, values: string, kind: Kind = 'category'): Concept {
  return { ...number(id, words, 0, 0), kind, values: values === '' ? [] : values.split(',') };
}

const CITIES =
  'Paris,London,Berlin,Madrid,Rome,Vienna,Oslo,Dublin,Lisbon,Prague,Athens,Boston,Chicago,Denver,Dallas,Austin,Seattle,Tokyo,Seoul,Sydney,Cairo,Lima,Delhi,Toronto';
const COUNTRIES =
  'France,Spain,Italy,Germany,Norway,Sweden,Poland,Greece,Ireland,Canada,Mexico,Brazil,Peru,Chile,Egypt,Kenya,India,China,Japan,Korea';

export const CONCEPTS: readonly Concept[] = [
  number('price', 'price cost fee charge', 12, 380, ['most expensive', 'cheapest']),
  number('salary', 'salary wage income earnings', 2100, 9800, ['best paid', 'worst paid']),
  number('revenue', 'revenue turnover proceeds takings', 120, 980),
  number('budget', 'budget fund allowance grant', 150, 990),
  number('weight', 'weight mass load kilograms', 40, 920, ['heaviest', 'lightest']),
  number('distance', 'distance mileage range span', 210, 4800),
  number('area', 'area size acreage extent', 35, 880),
  number('capacity', 'capacity seats occupancy places', 60, 940),
  number('duration', 'duration length runtime minutes', 25, 290, ['longest', 'shortest']),
  number('speed', 'speed velocity pace tempo', 110, 950, ['fastest', 'slowest']),
  number('age', 'age current_age actual_age present_age', 18, 79, ['oldest', 'youngest']),
  number('rating', 'rating score stars evaluation', 11, 99, ['best rated', 'worst rated'], true),
  number('votes', 'votes likes ballots upvotes', 30, 980),
  number('sales', 'sales copies units_sold copies_sold', 105, 985),
  number('attendance', 'attendance audience crowd turnout', 80, 950),
  number('headcount', 'headcount workforce employees personnel', 21, 640),
  number('wins', 'wins victories triumphs matches_won', 21, 190),
  number('points', 'points goals tally hits', 21, 280),
  number('credits', 'credits units credit_hours workload', 21, 120),
  number('quantity', 'quantity pieces items_bought order_size', 21, 240),
  number('stock', 'stock inventory supply reserve', 22, 460),
  number('tenure', 'tenure years_served service_years years_of_service', 11, 48, [
    'most experienced',
    'least experienced',
  ]),
  number('calories', 'calories calorie_count energy_value kcal', 110, 980),
  number('delay', 'delay lag wait holdup', 11, 180, ['most delayed', 'least delayed']),
  number('yield', 'yield output production harvest', 110, 870),
  number('visits', 'visits visitors footfall traffic', 120, 990),
  number('value', 'value valuation appraisal estimate', 130, 970, [
    'most valuable',
    'least valuable',
  ]),
  number('grade', 'grade mark gpa result', 20, 99, undefined, true),
  calendar('year', 'year', 'year release_year issue_year launch_year', 1961, 2023, [
    'newest',
    'oldest',
  ]),
  calendar('founded', 'year', 'founding_year opening_year start_year foundation_year', 1901, 2019),
  calendar('date', 'date', 'date day event_date calendar_date', 2015, 2024, ['latest', 'earliest']),
  calendar('due', 'date', 'due_date deadline due_day expiry', 2015, 2024),
  calendar('joined', 'date', 'join_date entry_date start_date registration_date', 2009, 2022),
  text('country', 'country nation land country_name', COUNTRIES),
  text('city', 'city town location municipality', CITIES),
  text('district', 'district quarter neighborhood borough', 'North,South,East,West,Center,Harbor'),
  text('genre', 'genre style category kind', 'Rock,Jazz,Pop,Folk,Blues,Soul'),
  text('type', 'type class sort variant', 'basic,standard,deluxe,family,compact,premium'),
  text('breed', 'breed species strain variety', 'cow,goat,sheep,horse,pig,duck'),
  text('color', 'color shade hue tint', 'red,blue,green,black,white,gold'),
  text('language', 'language tongue dialect idiom', 'English,French,German,Greek,Dutch,Hindi'),
  text('status', 'status state condition stage', 'open,closed,pending,lost,late,done'),
  text('cuisine', 'cuisine food menu kitchen', 'Thai,Greek,Indian,French,Mexican,Vegan'),
  text('specialty', 'specialty field specialism branch', 'heart,lung,skin,bone,brain,eye'),
  text('diagnosis', 'diagnosis disease illness ailment', 'flu,asthma,fever,anemia,ulcer,gout'),
  text('brand', 'brand make manufacturer trademark', 'Acme,Nova,Zenith,Orion,Delta,Apex'),
  text('material', 'material medium fabric substance', 'oil,ink,chalk,bronze,glass,marble'),
  text('season', 'season term period semester', 'spring,summer,autumn,winter'),
  text('payment', 'payment payment_method pay_type method', 'cash,card,check,voucher,transfer'),
  text('position', 'position spot post slot', 'goalkeeper,defender,winger,striker,captain'),
  text('plan', 'plan membership subscription package', 'free,silver,golden,student,senior'),
  text('subject', 'subject topic theme discipline', 'math,biology,music,history,physics,art'),
  text('crop', 'crop plant grain seed', 'wheat,corn,rice,barley,oats,rye'),
  text('view', 'view outlook vista panorama', 'sea,garden,park,street,lake,mountain'),
  text('shift', 'shift duty schedule roster', 'day,night,morning,evening,weekend'),
  text('destination', 'destination endpoint arrival terminus', CITIES),
  text('phone', 'phone telephone mobile phone_number', '', 'text'),
  text('manager', 'manager boss head supervisor', '', 'text'),
  text('director', 'director filmmaker producer creator', '', 'text'),
  text('award', 'award prize honor trophy', 'Oak,Star,Crown,Laurel,Comet,Lion'),
  text('sponsor', 'sponsor backer funder promoter', 'Acme,Nova,Zenith,Orion,Delta,Apex'),
  text('nickname', 'nickname alias pseudonym stage_name', 'Ace,Bear,Duke,Fox,Red,Sky', 'text'),
  text('allergy', 'allergy intolerance sensitivity reaction', 'nuts,dust,milk,pollen,eggs,wool'),
];

const byId = new Map(CONCEPTS.map((concept) => [concept.id, concept]));

export function conceptById(id: string): Concept {
  const concept = byId.get(id);
  if (concept === undefined) throw new RangeError(`no concept ${id}`);
  return concept;
}

/** The display column has other words for people, works, and places or things. */
export const DISPLAY_WORDS = {
  person: text('name', 'name surname last_name family_name', '', 'name'),
  work: text('name', 'title name full_title main_title', '', 'name'),
  thing: text('name', 'name full_name official_name label', '', 'name'),
};

const SURNAMES = split(
  'Adams Baker Clark Davis Evans Foster Grant Harris Irwin Jones King Lewis Moore Nash Owens Parker Quinn Reed Scott Turner Upton Vance Walker Young Allen Brooks Carter Dixon Ellis Fisher Gibson Hayes Ingram Jensen Knight Lopez Mills Newman Ortiz Porter Ramos Silva Tucker Vega Webb Yates Abbott Bishop Cruz Drake Ferris Glass Hale James Klein Lowe Marsh Noble Price Rhodes Shaw Todd Wolfe Zeller',
);
const PETS = split(
  'Bella Max Daisy Rocky Luna Toby Molly Buddy Ruby Oscar Rosie Jasper Coco Rusty Hazel Simba Willow Pepper Biscuit Ginger Cleo Bruno Misty Pippa Rufus Tilly Bonnie Felix Honey Jack Nala Otto',
);
const FIRST = split(
  'Blue Red Golden Silent Broken Hidden Early Lost Bright Wild Grand Little Old Royal Green Silver',
);
const LAST = {
  title: split('River Road Dream Night Garden Mirror Storm Winter Letter Harbor Promise Shadow'),
  place: split('Palace Corner House Gate Bridge Square Tower Plaza Lodge Park Court Point'),
  team: split('Lions Eagles Bears Wolves Hawks Sharks Tigers Rovers Kings Stars Giants Bulls'),
  company: split('Group Works Partners Line Union Trading Star Wings Alliance Brothers Sons House'),
  product: split('Lamp Chair Table Clock Phone Camera Kettle Mirror Bottle Jacket Basket Radio'),
  dish: split('Soup Salad Curry Pasta Pie Stew Roast Tart Burger Noodles Pancake Risotto'),
  plane: split('Arrow Falcon Comet Swift Pelican Albatross Condor Heron Osprey Swallow'),
  course: split('Algebra Poetry Biology Ethics Drawing Logic Optics Botany Grammar Sculpture Law'),
};

export type NameStyle = 'person' | 'animal' | keyof typeof LAST;

/** All display names of a style, each different. */
export const DISPLAY_NAMES: Record<NameStyle, readonly string[]> = {
  person: SURNAMES,
  animal: PETS,
  ...(Object.fromEntries(
    Object.entries(LAST).map(([style, nouns]) => [
      style,
      nouns.flatMap((noun) => FIRST.map((adjective) => `${adjective} ${noun}`)),
    ]),
  ) as Record<keyof typeof LAST, string[]>),
};

export const PEOPLE: readonly string[] = SURNAMES;
