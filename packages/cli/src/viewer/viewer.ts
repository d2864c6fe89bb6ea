/** How a picture is shown, and what is checked before a view is spent on it. Nothing but `--save` leaves it on disk. */

import { dirname } from 'node:path';
import type { Display } from '@cloud-steg/peer';
import { AppError, PICTURE_PAGE_WAIT_MS, TERMINAL_PICTURE_SIDE_PX } from '@cloud-steg/protocol';
import { showOnPage } from './picture-page.ts';
import { findScreen, type Screen, type ScreenFacts } from './screen.ts';
import { terminalPicture } from './terminal-picture.ts';

type Picture = Parameters<Display['show']>[0];

/** What the viewer takes from the machine around it. */
export interface Surroundings extends ScreenFacts {
  readonly fileKind: (path: string) => 'absent' | 'file' | 'folder';
  readonly canWriteIn: (folder: string) => boolean;
  readonly write: (path: string, bytes: Uint8Array) => Promise<void>;
  /** PNG of any picture, its longer side at most so many pixels. */
  readonly toPng: (bytes: Uint8Array, sidePxMax: number) => Promise<Uint8Array>;
  /** For the terminal's own picture protocols. */
  readonly drawInTerminal: (text: string) => void;
  /** Starts the desktop's program for an address; its failure is told, not thrown. */
  readonly open: (command: readonly string[], url: string) => void;
  readonly note: (line: string) => void;
  readonly token: () => string;
  readonly signal: AbortSignal;
}

export interface ViewerOptions {
  /** Write the picture there instead of showing it. */
  readonly saveTo?: string;
  readonly overwrite: boolean;
}

/** What browsers show as it is; anything else is handed to them as PNG. */
const BROWSER_TYPES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/avif']);

export function makeDisplay(around: Surroundings, options: ViewerOptions): Display {
  const { saveTo, overwrite } = options;
  if (saveTo !== undefined) {
    return {
      check: ({ allowSave }) => {
        cancelledBefore(around.signal);
        checkSaving(around, saveTo, overwrite, allowSave);
      },
      show: (picture) => around.write(saveTo, picture.bytes),
    };
  }
  const screen = findScreen(around);
  return {
    check: () => {
      cancelledBefore(around.signal);
      if (!screen) {
        throw new AppError(
          'viewer/no-display',
          'there is no desktop here, and no terminal that shows pictures',
        );
      }
    },
    show: async (picture) => {
      if (screen) await showOn(screen, around, picture);
    },
  };
}

function cancelledBefore(signal: AbortSignal): void {
  if (signal.aborted) throw new AppError('program/cancelled', 'cancelled; no view was spent');
}

function checkSaving(around: Surroundings, saveTo: string, overwrite: boolean, allowSave: boolean): void {
  if (!allowSave) {
    throw new AppError(
      'viewer/saving-not-allowed',
      'the owner sent this picture to be looked at, not saved',
      {
        hint: 'leave out --save; no view was spent',
      },
    );
  }
  const kind = around.fileKind(saveTo);
  if (kind === 'folder') {
    throw new AppError('usage/bad-argument', `--save ${saveTo} is a folder`, {
      hint: 'name a file in it; no view was spent',
    });
  }
  if (kind === 'file' && !overwrite) {
    throw new AppError('usage/bad-argument', `--save ${saveTo}: the file exists`, {
      hint: 'choose another name, or add --yes to replace it; no view was spent',
    });
  }
  if (!around.canWriteIn(dirname(saveTo))) {
    throw new AppError('usage/bad-argument', `--save ${saveTo}: cannot write in ${dirname(saveTo)}`, {
      hint: 'choose a folder that exists and is yours; no view was spent',
    });
  }
}

async function showOn(screen: Screen, around: Surroundings, picture: Picture): Promise<void> {
  switch (screen.kind) {
    case 'terminal': {
      const png = await around.toPng(picture.bytes, TERMINAL_PICTURE_SIDE_PX);
      around.drawInTerminal(terminalPicture(screen.protocol, png));
      return;
    }
    case 'browser': {
      const known = BROWSER_TYPES.has(picture.mediaType);
      const bytes = known ? picture.bytes : await around.toPng(picture.bytes, TERMINAL_PICTURE_SIDE_PX);
      const mediaType = known ? picture.mediaType : 'image/png';
      await showOnPage(
        { title: picture.name, mediaType, bytes },
        {
          token: around.token(),
          waitMs: PICTURE_PAGE_WAIT_MS,
          signal: around.signal,
          onReady: (url) => {
            around.note(`🖼️ Opening your browser; if it does not come up, this address works once: ${url}`);
            around.open(screen.opener, url);
          },
        },
      );
    }
  }
}
