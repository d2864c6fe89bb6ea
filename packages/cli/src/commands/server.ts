/** `cloud-steg server`: the discovery server under its second name. */

import type { CommandModule } from '../command.ts';

export const serverCommand: CommandModule = (program, runner) => {
  program
    .command('server')
    .description('run a discovery server (p2p-discovery-server under another name)')
    .argument('[options...]', 'those of p2p-discovery-server')
    .allowUnknownOption()
    .helpOption(false)
    .action(async () => {
      // Loaded here, since every other command does without it.
      const { runServer } = await import('@cloud-steg/discovery');
      const { argv, env } = runner.shell;
      runner.exitCode = await runServer({ argv: argv.slice(argv.indexOf('server') + 1), env });
    });
};
