/** `outbox`: what still has to reach somebody. */

import { listOutbox } from '@cloud-steg/peer';
import { type CommandModule, userOption } from '../command.ts';
import type { UserFlags } from '../context.ts';
import { formatSpan, plural } from '../wording.ts';

export const outboxCommand: CommandModule = (program, runner) => {
  program
    .command('outbox')
    .description('requests and pictures that wait for somebody to come online')
    .addOption(userOption())
    .action(
      runner.run<UserFlags>(async (context, flags) => {
        const peer = await context.openPeer(flags);
        const entries = listOutbox(peer.database);
        const now = context.shell.now();
        context.output.print(
          {
            username: peer.username,
            entries: entries.map(({ payload: _payload, lastError, ...entry }) => ({
              ...entry,
              lastError: lastError ?? null,
            })),
          },
          [
            entries.length === 0 ? '📭 Nothing waits' : `📮 Waiting (${entries.length}):`,
            ...entries.flatMap(({ kind, recipient, state, createdAt, attempts, lastError }, i) => [
              `  [${i}] ${kind} to ${recipient}, ${state}, ${formatSpan(now - createdAt)} old, ${plural(attempts, 'attempt')}`,
              ...(lastError === undefined ? [] : [`      ${lastError}`]),
            ]),
          ],
        );
        if (entries.length > 0) {
          context.output.note(
            '',
            `💡 They are sent while this runs: ${await context.next('up', peer.username)}`,
          );
        }
      }),
    );
};
