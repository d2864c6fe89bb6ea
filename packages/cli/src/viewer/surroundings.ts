/** The real machine around the viewer. */

import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { screenPng, writeFileDurably } from '@cloud-steg/peer';
import type { Context } from '../context.ts';
import type { Surroundings } from './viewer.ts';

export function realSurroundings(context: Context): Surroundings {
  const { shell, output, signal } = context;
  return {
    env: shell.env,
    platform: shell.platform,
    // With --json stdout is for one object only.
    stdoutIsTty: shell.stdout.isTty && !output.style.json,
    isExecutable: (path) => allows(path, constants.X_OK),
    fileKind: (path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return found === undefined ? 'absent' : found.isDirectory() ? 'folder' : 'file';
    },
    canWriteIn: (folder) => allows(folder, constants.W_OK | constants.X_OK),
    write: writeFileDurably,
    toPng: screenPng,
    drawInTerminal: (text) => output.raw(text),
    open: ([command = '', ...args], url) => {
      spawn(command, [...args, url], { stdio: 'ignore', detached: true })
        .on('error', (error) => output.note(`   could not open it: ${error.message}`))
        .unref();
    },
    note: (line) => output.note(line),
    token: () => Buffer.from(shell.random(24)).toString('base64url'),
    signal,
  };
}

function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
