/** The protocols: a new one is a file beside this and a line in `protocols`. */
import * as v from 'valibot';
import type { World } from '../data/nursery/world.ts';
import { badInput } from '../errors.ts';
import { cocteProtocol } from './cocte.ts';
import { direct } from './direct.ts';
import type { Protocol } from './protocol.ts';
import { thinkProtocol } from './think.ts';
import { toolsProtocol } from './tools.ts';

const integer = (initial: number, max: number, description: string) =>
  v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(max), v.description(description)),
    initial,
  );

const flag = (description: string) =>
  v.optional(v.pipe(v.boolean(), v.description(description)), false);

/** How protocols of several turns go; those of one turn have no use for it. */
export const turnOptions = v.strictObject({
  max_turns: integer(5, 64, 'Turns of an episode, the answer included'),
  observation_rows: integer(3, 1000, 'Rows of a result shown to the policy'),
  observation_chars: integer(160, 100_000, 'Characters of an observation shown to the policy'),
  blank_observations: flag('Control experiment: observations without their content'),
  reveal_facts: flag('Control experiment: what tools would tell is in the prompt'),
});

export type TurnOptions = v.InferOutput<typeof turnOptions>;

interface Definition {
  description: string;
  /** The Nursery's world that asks for it. */
  world: World;
  /** Tokens that an episode of the small policies takes at most, observations included. */
  tokens: number;
  make(options: TurnOptions): Protocol;
}

const PROTOCOLS = {
  direct: { description: 'SQL in one go', world: 'plain', tokens: 96, make: () => direct },
  think: {
    description: 'a thought between tags, then SQL (FINER-SQL)',
    world: 'plain',
    tokens: 128,
    make: () => thinkProtocol,
  },
  cocte: {
    description: 'one CTE a turn, its result shown, then the final query (Reward-SQL)',
    world: 'steps',
    tokens: 320,
    make: cocteProtocol,
  },
  tools: {
    description: 'calls that tell what the schema hides, then SQL (FineStep)',
    world: 'hidden',
    tokens: 256,
    make: toolsProtocol,
  },
} as const satisfies Record<string, Definition>;

export type ProtocolName = keyof typeof PROTOCOLS;

export const protocolDescriptions = Object.fromEntries(
  Object.entries(PROTOCOLS).map(([name, { description }]) => [name, description]),
) as Readonly<Record<ProtocolName, string>>;

export const worldOf = (protocol: ProtocolName): World => PROTOCOLS[protocol].world;

export const episodeTokens = (protocol: ProtocolName): number => PROTOCOLS[protocol].tokens;

export const protocolNames = Object.keys(PROTOCOLS) as [ProtocolName, ...ProtocolName[]];

/** Options that are missing have their defaults. Throws `bad_input` listing the protocols there are. */
export function makeProtocol(
  name: string,
  options: v.InferInput<typeof turnOptions> = {},
): Protocol {
  if (!Object.hasOwn(PROTOCOLS, name)) {
    throw badInput('protocol', name, `one of ${protocolNames.join(', ')}`);
  }
  const { make }: Definition = PROTOCOLS[name as ProtocolName];
  return make(v.parse(turnOptions, options));
}
