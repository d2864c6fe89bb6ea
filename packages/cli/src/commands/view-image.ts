/** `view-image`: spends one view and shows the picture. */

import { type ViewResult, viewImage } from '@cloud-steg/peer';
import { flagOrPosition } from '../arguments.ts';
import { type CommandModule, serverOption, userOption } from '../command.ts';
import type { UserFlags } from '../context.ts';
import { realSurroundings } from '../viewer/surroundings.ts';
import { makeDisplay } from '../viewer/viewer.ts';
import { formatBytes, plural } from '../wording.ts';

interface ViewFlags extends UserFlags {
  readonly encryptedImagePath?: string;
  readonly save?: string;
}

export const viewImageCommand: CommandModule = (program, runner) => {
  program
    .command('view-image [path]')
    .description('open a received picture; this spends one view')
    .addOption(userOption())
    .option('--encrypted-image-path <file>', 'the carrier')
    .option('--save <file>', 'write the picture there instead of showing it, if its owner allows')
    .addOption(serverOption())
    .action(
      runner.run<ViewFlags>(async (context, flags, [position]) => {
        const path = flagOrPosition(
          flags.encryptedImagePath,
          position,
          'which carrier (--encrypted-image-path)',
        );
        const peer = await context.openPeer(flags);
        context.output.note(`Decrypting image: ${path}`);
        const viewed = await viewImage(
          peer,
          path,
          makeDisplay(realSurroundings(context), {
            ...(flags.save !== undefined && { saveTo: flags.save }),
            overwrite: context.flags.yes ?? false,
          }),
        );
        context.output.print({ ...viewed, savedTo: flags.save ?? null }, viewedLines(viewed, flags.save));
        if (viewed.left === 0) {
          context.output.note(
            '',
            `💡 Ask again: ${await context.next(`request-image ${viewed.owner} INDEX`, peer.username)}`,
          );
        }
      }, 'finish'),
    );
};

const ENDINGS: Record<ViewResult['phase'], string> = {
  active: 'It can be opened again',
  exhausted: 'That was the last view',
  revoked: 'The owner has revoked it meanwhile',
  expired: 'It has expired meanwhile',
};

function viewedLines(viewed: ViewResult, savedTo: string | undefined): string[] {
  const { owner, imageName, bytes, n, views, left } = viewed;
  return [
    '✅ Access granted!',
    `   Owner: ${owner}`,
    `   Image: ${imageName} (${formatBytes(bytes)})`,
    `   View: ${n} of ${views}`,
    `   Views remaining: ${left}`,
    ...(savedTo === undefined ? [] : [`✅ Image decrypted and saved to: ${savedTo}`]),
    viewed.deleted
      ? `🗑️ ${ENDINGS[viewed.phase]}: the carrier was deleted`
      : `✅ Carrier updated with ${plural(left, 'view')} remaining`,
  ];
}
