/** `register`: makes this user's identity, or updates what was registered. */

import { existsSync } from 'node:fs';
import { loadProfile, register } from '@cloud-steg/peer';
import { AppError, IMAGE_BYTES_MAX_AT_1_BPS } from '@cloud-steg/protocol';
import { DEFAULT_SERVERS, parseImagePaths, parseServers } from '../arguments.ts';
import { type CommandModule, ipOption, portOption, serverOption, userOption } from '../command.ts';
import type { AddressFlags, UserFlags } from '../context.ts';
import { formatBytes } from '../wording.ts';

interface RegisterFlags extends UserFlags, AddressFlags {
  readonly imagePaths?: readonly string[];
}

export const registerCommand: CommandModule = (program, runner) => {
  program
    .command('register')
    .description('make your identity and offer pictures (again: update them, same keys)')
    .addOption(userOption())
    .addOption(ipOption())
    .addOption(portOption())
    .option(
      '--image-paths <files>',
      'pictures to offer, separated by commas',
      (text: string, before: string[] | undefined) => [
        ...(before ?? []),
        ...parseImagePaths(text, existsSync),
      ],
    )
    .addOption(serverOption())
    .action(
      runner.run<RegisterFlags>(async (context, flags) => {
        const username = context.namedUser(flags.username);
        if (username === undefined) {
          throw new AppError('usage/bad-argument', 'missing: your name', {
            hint: 'for example: --username alice',
          });
        }
        const known = await loadProfile(context.directory, username);
        const address = context.address(flags, known);
        const done = await register(context.ports(), {
          dataDir: context.directory.root,
          username,
          address,
          imagePaths: flags.imagePaths ?? [],
          servers: context.namedServers(flags.server) ?? known?.servers ?? parseServers(DEFAULT_SERVERS),
        });
        if (done.leaderUrl !== undefined) context.output.note(`Found leader at: ${done.leaderUrl}`);
        context.output.print(
          {
            username,
            created: done.created,
            fingerprint: done.fingerprint,
            address,
            leaderUrl: done.leaderUrl ?? null,
            images: done.images,
          },
          [
            `✅ ${done.created ? 'Registered' : 'Updated'} ${username} @ ${address.host}:${address.port}`,
            `   🔑 fingerprint ${done.fingerprint}${done.created ? '' : ' (as before)'}`,
            `   📷 ${done.images.length} image(s):`,
            ...done.images.map(
              ({ index, name, width, height, bytes }) =>
                `      [${index}] ${name} ${width}x${height} (${formatBytes(bytes)})`,
            ),
          ],
        );
        for (const { index, bytes } of done.images) {
          if (bytes <= IMAGE_BYTES_MAX_AT_1_BPS) continue;
          context.output.note(
            `   ⚠️ [${index}] can be seen in the list but not sent: at most ${formatBytes(IMAGE_BYTES_MAX_AT_1_BPS)} can be hidden`,
          );
        }
        context.output.note('', `💡 Next: ${await context.next('up', username)}`);
      }),
    );
};
