/** `list-received-images`: carriers on this machine. */

import { basename } from 'node:path';
import { listReceived } from '@cloud-steg/peer';
import { type CommandModule, userOption } from '../command.ts';
import { shellWord, type UserFlags } from '../context.ts';
import { formatBytes, formatSpan, plural } from '../wording.ts';

export const listReceivedImagesCommand: CommandModule = (program, runner) => {
  program
    .command('list-received-images')
    .description('pictures you were sent, still hidden in their carriers')
    .addOption(userOption())
    .action(
      runner.run<UserFlags>(async (context, flags) => {
        const peer = await context.openPeer(flags);
        const images = listReceived(peer);
        const directory = peer.directory.carriers(peer.username);
        const now = context.shell.now();
        context.output.print({ username: peer.username, directory, images }, [
          images.length === 0
            ? `📭 No encrypted images for ${peer.username}`
            : `📬 Encrypted images for ${peer.username}:`,
          `   Directory: ${directory}`,
          ...images.flatMap(({ file, bytes, owner, imageName, views, receivedAt }, i) => [
            '',
            `  [${i}] ${basename(file)} (${formatBytes(bytes)})`,
            `      ${imageName} from ${owner}, ${plural(views, 'view')} granted, received ${formatSpan(now - receivedAt)} ago`,
            `      Path: ${file}`,
          ]),
        ]);
        const [first] = images;
        if (first) {
          const file = shellWord(first.file);
          context.output.note(
            '',
            "💡 Use 'view-image' to decrypt and view an image, 'inspect' to look at its label without spending a view:",
            `   ${await context.next(`view-image ${file}`, peer.username)}`,
            `   ${await context.next(`inspect ${file}`, peer.username)}`,
          );
        }
      }),
    );
};
