/** `cluster watch`: on a terminal a table that is drawn over itself, elsewhere one line a change. */

import { setTimeout as sleep } from 'node:timers/promises';
import { WATCH_INTERVAL_MS_DEFAULT, WATCH_TIMEOUT_MS } from '@cloud-steg/protocol';
import { askCluster } from '../cluster/ask-cluster.ts';
import { changeJson, changeLine } from '../cluster/change-wording.ts';
import type { Change } from '../cluster/cluster-changes.ts';
import { clusterJson } from '../cluster/cluster-json.ts';
import { clusterPage } from '../cluster/cluster-page.ts';
import { formatMoment, leaderWords, quorumWords } from '../cluster/cluster-wording.ts';
import { LiveScreen } from '../cluster/live-screen.ts';
import type { ClusterSnapshot } from '../cluster/snapshot.ts';
import { span } from '../cluster/styled-text.ts';
import { watchCluster } from '../cluster/watch-cluster.ts';
import { type CommandModule, intervalOption, serverOption, userOption } from '../command.ts';
import type { Context, UserFlags } from '../context.ts';

/** What a terminal has that doesn't say. */
const SIZE_DEFAULT = { columns: 80, rows: 24 };

interface WatchFlags extends UserFlags {
  readonly interval: number;
}

export const clusterWatchCommand: CommandModule = (group, runner) => {
  group
    .command('watch')
    .description('the same, kept up to date; into a pipe or with --json, one line a change')
    .addOption(userOption())
    .addOption(serverOption())
    .addOption(intervalOption('time between looks', WATCH_INTERVAL_MS_DEFAULT))
    .action(
      runner.run<WatchFlags>(async (context, flags) => {
        const { clusterKey, ask } = await askCluster(context, flags, WATCH_TIMEOUT_MS);
        const closed = new AbortController();
        context.shell.stdout.onClosed?.(() => closed.abort());
        const signal = AbortSignal.any([context.signal, closed.signal]);
        const view = viewFor(context, flags.interval);
        await watchCluster(
          { now: context.shell.now, ask, pause, show: view.show },
          { intervalMs: flags.interval * 1_000, clusterKey, signal },
        );
        if (!closed.signal.aborted) view.end();
      }, 'goodbye'),
    );
};

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}

interface View {
  readonly show: (snapshot: ClusterSnapshot, changes: readonly Change[]) => void;
  readonly end: () => void;
}

function viewFor(context: Context, intervalSeconds: number): View {
  const { output, shell } = context;
  return shell.stdout.isTty && !output.style.json ? tableView(context, intervalSeconds) : lineView(context);
}

function tableView({ output, shell }: Context, intervalSeconds: number): View {
  const screen = new LiveScreen(shell.stdout, output.style.color);
  return {
    show(snapshot) {
      const size = shell.stdout.size?.() ?? SIZE_DEFAULT;
      const heading = `${formatMoment(snapshot.at)}, every ${intervalSeconds} s; Ctrl-C ends`;
      screen.draw([[span(heading, 'unknown')], ...clusterPage(snapshot, size.columns - 1)], size);
    },
    end: () => screen.end(),
  };
}

function lineView({ output }: Context): View {
  let told = false;
  return {
    show(snapshot, changes) {
      if (!told) {
        told = true;
        output.print({ event: 'watching', ...clusterJson(snapshot) }, [stateLine(snapshot)]);
        return;
      }
      for (const change of changes) {
        output.print(changeJson(change), [changeLine(change)]);
      }
    },
    end: () => {},
  };
}

function stateLine({ at, leadership, quorum }: ClusterSnapshot): string {
  const safety = quorum ? `; ${quorumWords(quorum)}` : '';
  return `${formatMoment(at)}  leader: ${leaderWords(leadership, quorum, at)}${safety}`;
}
