/** Where on this machine a picture can be shown. */

import { delimiter, join } from 'node:path';
import type { Environment } from '../shell.ts';

export type Screen =
  /** Drawn by the terminal itself. */
  | { readonly kind: 'terminal'; readonly protocol: TerminalProtocol }
  /** A page in the desktop's browser; `opener` and the page's address make the command. */
  | { readonly kind: 'browser'; readonly opener: readonly string[] };
export type TerminalProtocol = 'kitty' | 'iterm2';

export interface ScreenFacts {
  readonly env: Environment;
  readonly platform: NodeJS.Platform;
  readonly stdoutIsTty: boolean;
  readonly isExecutable: (path: string) => boolean;
}

/** The best screen there is, or undefined. */
export function findScreen(facts: ScreenFacts): Screen | undefined {
  const protocol = facts.stdoutIsTty ? terminalProtocol(facts.env) : undefined;
  if (protocol) return { kind: 'terminal', protocol };
  const opener = browserOpener(facts);
  return opener && { kind: 'browser', opener };
}

/** What the terminal says it is. Inside tmux and screen, which swallow pictures, it says nothing that counts. */
function terminalProtocol(env: Environment): TerminalProtocol | undefined {
  const { TERM: term = '', TERM_PROGRAM: program = '' } = env;
  if (env['TMUX'] || env['STY'] || /^(screen|tmux)/.test(term)) return undefined;
  if (/^xterm-(kitty|ghostty)$/.test(term) || /^(ghostty|WezTerm)$/.test(program)) return 'kitty';
  if (program === 'iTerm.app') return 'iterm2';
  return undefined;
}

function browserOpener({ env, platform, isExecutable }: ScreenFacts): readonly string[] | undefined {
  // Over SSH the page would open on a screen somewhere else.
  if (platform === 'darwin') return env['SSH_CONNECTION'] ? undefined : ['open'];
  if (platform === 'win32') return ['cmd', '/c', 'start', ''];
  if (!env['DISPLAY'] && !env['WAYLAND_DISPLAY']) return undefined;
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const opener = folders.map((folder) => join(folder, 'xdg-open')).find(isExecutable);
  return opener === undefined ? undefined : [opener];
}
