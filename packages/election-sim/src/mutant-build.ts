import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { threadId } from 'node:worker_threads';
import { Election } from '@cloud-steg/election';
import { AppError } from '@cloud-steg/protocol';
import { transform } from '@swc/core';
import type { Edit } from './mutant.ts';
import type { ElectionClass } from './world.ts';

const CORE = new URL('../../election/src/', import.meta.url);
/** Beside the build's output, and ignored by git like it. */
const BUILDS = new URL('../dist/mutants/', import.meta.url);

/**
 * Builds the core from its sources with `edits` made, into a folder of this name, and loads it. Without edits it is
 * the core as it is.
 *
 * @throws AppError `program/bug` if an edit's text does not stand exactly once in its file: the core has changed, and
 *   the mutant must follow.
 */
export async function loadElection(name: string, edits: readonly Edit[]): Promise<ElectionClass> {
  if (edits.length === 0) return Election;
  const folder = new URL(`${name}/`, BUILDS);
  await mkdir(folder, { recursive: true });
  const files = (await readdir(CORE)).filter((file) => file.endsWith('.ts'));
  await Promise.all(files.map((file) => build(file, edits, folder)));
  const unknown = edits.find(({ file }) => !files.includes(file));
  if (unknown) throw new AppError('program/bug', `${name} edits ${unknown.file}, which is not in the core`);
  const built: unknown = await import(/* @vite-ignore */ new URL('election.js', folder).href);
  return (built as { Election: ElectionClass }).Election;
}

async function build(file: string, edits: readonly Edit[], folder: URL): Promise<void> {
  const source = await readFile(new URL(file, CORE), 'utf8');
  const edited = edits.filter((edit) => edit.file === file).reduce(applyEdit, source);
  const { code } = await transform(edited, {
    filename: fileURLToPath(new URL(file, CORE)),
    configFile: false,
    swcrc: false,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'es6' },
  });
  const target = new URL(file.replace(/\.ts$/, '.js'), folder);
  // Several processes and threads may build the same mutant at once; each finds whole files.
  const written = new URL(`${target.href}.${process.pid}.${threadId}`);
  await writeFile(written, code.replaceAll(/(from '\.\/[a-z-]+)\.ts'/g, "$1.js'"));
  await rename(written, target);
}

/** Replaces the one place where `find` stands. */
export function applyEdit(source: string, { file, find, replace }: Edit): string {
  const parts = source.split(find);
  if (parts.length === 2) return parts.join(replace);
  throw new AppError('program/bug', `${file} holds ${parts.length - 1} times, not once: ${find}`, {
    hint: 'bring the edit in packages/election-sim/src/mutants.ts up to date with the core',
  });
}
