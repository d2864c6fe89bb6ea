/** `cluster status` and `cluster watch`: which servers answer, who leads, how every node is, and what happened. */

import type { CommandModule } from '../command.ts';
import { clusterStatusCommand } from './cluster-status.ts';
import { clusterWatchCommand } from './cluster-watch.ts';

export const clusterCommand: CommandModule = (program, runner) => {
  const group = program.command('cluster').description('the discovery servers');
  clusterStatusCommand(group, runner);
  clusterWatchCommand(group, runner);
};
