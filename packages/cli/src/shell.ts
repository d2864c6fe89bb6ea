/** The world a command runs in. `main.ts` builds the real one, tests build their own. */

import type { CarrierEngine } from '@cloud-steg/peer';

/** Where text goes. */
export interface Sink {
  write(text: string): void;
  readonly isTty: boolean;
  /** Of the terminal, now; undefined where there is none or it doesn't say. */
  readonly size?: () => { readonly columns: number; readonly rows: number } | undefined;
  /** Calls `listener` once nobody reads any more, which writing may be needed to notice. */
  readonly onClosed?: (listener: () => void) => void;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Shell {
  /** Which of its names the program goes by. */
  readonly program: 'p2p-client' | 'cloud-steg';
  /** How it was called, for hints that can be typed as they are: `npx p2p-client`. */
  readonly calledAs: string;
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly platform: NodeJS.Platform;
  /** Data: results, one line or one JSON object each. */
  readonly stdout: Sink;
  /** Talk: hints, progress, errors. */
  readonly stderr: Sink;
  /** Wall clock, Unix milliseconds. */
  readonly now: () => number;
  /** The next `bytes` of a CSPRNG. */
  readonly random: (bytes: number) => Uint8Array;
  readonly makeEngine: () => CarrierEngine;
  /** Calls `listener` at every Ctrl-C, termination or hang-up from now on. */
  readonly onInterrupt: (listener: () => void) => void;
  /** Asks a yes-or-no question; undefined when nobody is there to answer. */
  readonly confirm: (question: string) => Promise<boolean> | undefined;
}
