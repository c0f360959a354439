/** What the page says about share links: their parts, how to use them elsewhere, what is wrong. */
import type { Fingerprint } from '../../core/recipe/fingerprint.ts';
import { encodeLink } from '../../core/recipe/link.ts';
import type { Recipe } from '../../core/recipe/schema.ts';
import { counted } from '../recipe/cost.ts';

/** Beyond this, some chat and mail programs cut links. */
export const LONG_LINK = 2000;

/** @param base address of the page, without its hash */
export const shareLink = (base: string, recipe: Recipe, fingerprint?: Fingerprint): string =>
  base.replace(/#.*$/s, '') + encodeLink(recipe, fingerprint);

/** The command that trains the same in Node, quoted for a POSIX shell. */
export const nodeCommand = (link: string): string =>
  `npx stepsql train '${link.replaceAll("'", "'\\''")}'`;

/** `over 200 updates on wasm`, with how many are told apart when it is not all of them. */
export function fingerprintText({ backend, count, updates }: Fingerprint): string {
  const all = `${counted(count, 'update')} on ${backend}`;
  return updates.length < count ? `${all}; the first ${updates.length} one by one` : all;
}

export interface LinkTrouble {
  title: string;
  /** What is wrong, for people. */
  what: string;
  /** What they can do. */
  advice: string;
}

const COPY = 'Copy the whole link again, from # to its end, and open that.';

/** By the field that core's message begins with. */
const TROUBLES: readonly [RegExp, LinkTrouble][] = [
  [
    /^version: .*newer StepSQL/s,
    {
      title: 'This link comes from a newer StepSQL',
      what: 'It is written in a form that this version of the page does not know.',
      advice: 'Reload the page to update it, then open the link again.',
    },
  ],
  [
    /^link: .* expected at most \d+ characters/s,
    {
      title: 'This link is too long',
      what: 'It is longer than any link StepSQL makes, so nothing of it was read.',
      advice: 'Ask for the link again, or for the run file, which has no such limit.',
    },
  ],
  [
    /^link\.payload: .*more than \d+ bytes/s,
    {
      title: 'This link unpacks to too much',
      what: 'Its last part holds more than any link StepSQL makes. It was not made here.',
      advice: 'Ask for the link again, or for the run file.',
    },
  ],
  [
    /^link(\.payload)?: /,
    {
      title: 'This link is incomplete',
      what: 'Part of it is missing or was changed on the way, so it cannot be read.',
      advice: COPY,
    },
  ],
  [
    /^link\.preset: /,
    {
      title: 'This link names a preset that is not here',
      what: 'The name was mistyped, or it belongs to another version of StepSQL.',
      advice: `Reload the page to update it. ${COPY}`,
    },
  ],
  [
    /^fingerprint/,
    {
      title: 'The fingerprint in this link is damaged',
      what: 'What the link says about the finished run is not as StepSQL writes it.',
      advice: COPY,
    },
  ],
];

/** Explains the message of an error that `decodeLink` threw. */
export function linkTrouble(message: string): LinkTrouble {
  return (
    TROUBLES.find(([pattern]) => pattern.test(message))?.[1] ?? {
      title: 'This link asks for something that does not exist here',
      what: 'A setting in it has a value that StepSQL does not accept.',
      advice: `${COPY} If it was edited by hand, mend the value named below.`,
    }
  );
}
