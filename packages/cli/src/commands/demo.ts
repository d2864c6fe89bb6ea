import type { CommandModule } from '../command.ts';
export const demoCommand: CommandModule = () => {};
