import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { badInput } from '../../core/errors.ts';
import { packRun, unpackRun } from '../../core/recipe/run-file.ts';
import { RunFolder } from '../run-folder.ts';
import type { Register } from './command.ts';

/** `stepsql pack <run> --out run.zip`: a run folder as one file, as the page exports it. */
export const pack: Register = (program, session) => {
  program
    .command('pack')
    .description('put a run into one .zip file, with its latest checkpoint')
    .argument('<run>', 'a run folder')
    .requiredOption('--out <file>', 'the .zip to write')
    .action(async (run: string, { out }: { out: string }) => {
      const store = new RunFolder(run);
      if (!(await store.readRecipe())) {
        throw badInput('run', run, 'a run folder with a recipe.json');
      }
      const bytes = await packRun(store);
      await mkdir(dirname(resolve(out)), { recursive: true });
      const temporary = `${out}.tmp`;
      await writeFile(temporary, bytes);
      await rename(temporary, out);
      session.print(`${out}: ${bytes.length} bytes`, { out, bytes: bytes.length });
    });
};

/** `stepsql unpack run.zip --out DIR`: a run file as a run folder. */
export const unpack: Register = (program, session) => {
  program
    .command('unpack')
    .description('make a run folder of a run file')
    .argument('<file>', 'a .zip made by pack or by the page')
    .requiredOption('--out <dir>', 'the run folder to make')
    .action(async (file: string, { out }: { out: string }) => {
      const bytes = await readFile(file).catch((error: Error) => {
        throw badInput('file', file, `a run file that can be read (${error.message})`);
      });
      const existed = (await stat(out).catch(() => undefined)) !== undefined;
      const store = new RunFolder(out);
      try {
        await unpackRun(bytes, store);
        await store.writeReport();
      } catch (error) {
        // A disk that ran full: what was there before is not ours to take away.
        await store.close();
        if (!existed) await rm(out, { recursive: true, force: true });
        throw error;
      }
      await store.close();
      session.print(`Unpacked into ${out}`, { out });
    });
};
