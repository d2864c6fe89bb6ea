/** `capacity`: how much a cover can hide. */

import { capacityOf } from '@cloud-steg/peer';
import type { CommandModule } from '../command.ts';
import { formatBytes } from '../wording.ts';

export const capacityCommand: CommandModule = (program, runner) => {
  program
    .command('capacity <cover>')
    .description('how large a picture can be hidden in this one')
    .action(
      runner.run<object>(async (context, _flags, [cover]) => {
        const { width, height, bytes } = await capacityOf(cover ?? '');
        context.output.print({ cover, width, height, bytes }, [
          bytes === 0
            ? `${cover} is ${width}x${height}: too small to hide a picture`
            : `${cover} is ${width}x${height}: hides a picture file of up to ${formatBytes(bytes)}`,
        ]);
      }),
    );
};
