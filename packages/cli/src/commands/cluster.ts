/** `cluster status`: which servers answer, who leads, how loaded they are. */

import { statusOf } from '@cloud-steg/peer';
import { type ClusterStatus, EXIT, type NodeStatus } from '@cloud-steg/protocol';
import { type CommandModule, serverOption, userOption } from '../command.ts';
import type { UserFlags } from '../context.ts';

export const clusterCommand: CommandModule = (program, runner) => {
  const group = program.command('cluster').description('the discovery servers');
  group
    .command('status')
    .description('servers, leader, term, load (exit 3 without a leader)')
    .addOption(userOption())
    .addOption(serverOption())
    .action(
      runner.run<UserFlags>(async (context, flags) => {
        const cluster = await context.cluster(flags);
        const status = await cluster.status();
        const servers = await Promise.all(
          cluster.servers.map(async (url) => {
            const own = await statusOf(url).catch(() => undefined);
            return { url, answers: own !== undefined, isLeader: own?.is_leader ?? false };
          }),
        );
        context.output.print(
          {
            status: status.status,
            leader: status.current_leader,
            leaderUrl: status.leader_url,
            term: status.term,
            servers,
            nodes: status.nodes,
            version: status.version,
          },
          statusLines(status, servers),
        );
        return status.status === 'ok' ? EXIT.ok : EXIT.noLeader;
      }),
    );
};

function statusLines(
  status: ClusterStatus,
  servers: readonly { url: string; answers: boolean; isLeader: boolean }[],
): string[] {
  return [
    status.current_leader === null
      ? `No leader (term ${status.term}): an election is under way, or too few servers run`
      : `Leader: ${status.current_leader}${status.leader_url === null ? '' : ` at ${status.leader_url}`} (term ${status.term})`,
    'Servers asked:',
    ...servers.map(
      ({ url, answers, isLeader }) => `  ${url}  ${isLeader ? 'leader' : answers ? 'answers' : 'no answer'}`,
    ),
    `Nodes as ${status.node} sees them:`,
    ...status.nodes.map(nodeLine),
  ];
}

function nodeLine({ id, role, cpuPercent, lastSeenMs }: NodeStatus): string {
  const load = cpuPercent === null ? 'load unknown' : `CPU ${cpuPercent.toFixed(0)} %`;
  const seen =
    lastSeenMs === null
      ? 'never seen'
      : lastSeenMs === 0
        ? 'itself'
        : `seen ${(lastSeenMs / 1_000).toFixed(1)} s ago`;
  return `  ${id}  ${role}, ${load}, ${seen}`;
}
