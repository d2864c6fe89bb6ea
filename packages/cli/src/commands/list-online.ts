/** `list-online`: who is there, and what they offer. */

import { listOnline, type OnlineUser } from '@cloud-steg/peer';
import { type CommandModule, serverOption, userOption } from '../command.ts';
import type { UserFlags } from '../context.ts';
import { formatBytes } from '../wording.ts';

export const listOnlineCommand: CommandModule = (program, runner) => {
  program
    .command('list-online')
    .description('who is online, with previews of their pictures')
    .addOption(userOption())
    .addOption(serverOption())
    .action(
      runner.run<UserFlags>(async (context, flags) => {
        const cluster = await context.cluster(flags);
        const users = await listOnline(cluster, context.directory);
        const leaderUrl = cluster.leaderUrl;
        if (leaderUrl !== undefined) context.output.note(`Found leader at: ${leaderUrl}`, '');
        context.output.print({ leaderUrl: leaderUrl ?? null, users: users.map(userJson) }, [
          `Online users (${users.length}):`,
          ...users.flatMap(userLines),
        ]);
        const own = await context.directory.users();
        const offerings = users.filter(({ images }) => images.length > 0);
        const offering = offerings.find(({ username }) => !own.includes(username)) ?? offerings[0];
        if (offering) {
          context.output.note(
            '',
            `💡 Ask for one: ${context.shell.calledAs} request-image ${offering.username} 0`,
          );
        }
      }),
    );
};

function userJson({ username, addresses, lastSeenMs, images, previewFiles }: OnlineUser) {
  return {
    username,
    addresses,
    lastSeenMs,
    images: images.map(({ index, width, height, bytes, mediaType }, i) => ({
      index,
      width,
      height,
      bytes,
      mediaType,
      previewFile: previewFiles[i] ?? null,
    })),
  };
}

function userLines({ username, addresses, images, previewFiles }: OnlineUser): string[] {
  const [first] = addresses;
  return [
    '',
    `  👤 ${username}${first ? ` @ ${first.host}:${first.port}` : ''}`,
    `     📷 ${images.length} image(s):`,
    ...images.flatMap(({ index, width, height, bytes, mediaType }, i) => [
      `        [${index}] ${width}x${height} ${mediaType} (${formatBytes(bytes)})`,
      `        💾 ${previewFiles[i] ?? '(no preview)'}`,
    ]),
  ];
}
