/** Where this process's control groups are mounted: cgroups(7), proc_pid_mountinfo(5). */

import { CONTROL_GROUP_LEVELS_MAX } from '@cloud-steg/protocol';
import type { CpuSources } from './cpu-sources.ts';

/** A control group that this process is in, itself or through one below. */
export interface ControlGroup {
  /** Its path within the hierarchy, the same in each hierarchy it is part of. */
  readonly name: string;
  /** Where its files are. */
  readonly directory: string;
}

/** The one hierarchy of version 2, or that of version 1 which a controller such as `cpu` is mounted with. */
export type Hierarchy = 'v2' | 'cpu' | 'cpuacct';

/** The groups of this process that can be seen, its own first and the outermost last; none where none is mounted. */
export function ownControlGroups(sources: CpuSources, hierarchy: Hierarchy): readonly ControlGroup[] {
  const own = ownPath(sources, hierarchy);
  const mount = own === undefined ? undefined : mountFor(sources, hierarchy, own);
  if (own === undefined || mount === undefined) return [];
  const below = own.slice(mount.root.length).split('/').filter(Boolean);
  const groups: ControlGroup[] = [];
  for (let depth = below.length; depth >= 0 && groups.length < CONTROL_GROUP_LEVELS_MAX; depth--) {
    const path = below
      .slice(0, depth)
      .map((part) => `/${part}`)
      .join('');
    groups.push({ name: mount.root + path || '/', directory: mount.point + path });
  }
  return groups;
}

/** The process's own group: a line `<number>:<controllers>:<path>`, or `0::<path>` in version 2. */
function ownPath(sources: CpuSources, hierarchy: Hierarchy): string | undefined {
  for (const line of (sources.read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, number, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    const found = hierarchy === 'v2' ? number === '0' : controllers?.split(',').includes(hierarchy);
    if (found && path !== undefined) return path;
  }
  return undefined;
}

/**
 * The mount through which `own` can be seen. A container often sees but a part of the hierarchy: `root` is the path
 * of the group that lies at `point`, empty for the whole.
 */
function mountFor(
  sources: CpuSources,
  hierarchy: Hierarchy,
  own: string,
): { root: string; point: string } | undefined {
  for (const line of (sources.read('/proc/self/mountinfo') ?? '').split('\n')) {
    const [mounted = '', file = ''] = line.split(' - ');
    const [, , , at, point] = mounted.split(' ').map(unescaped);
    const [type, , options = ''] = file.split(' ');
    const found = hierarchy === 'v2' ? type === 'cgroup2' : isV1(type, options, hierarchy);
    if (!found || at === undefined || point === undefined) continue;
    const root = at === '/' ? '' : at;
    if (own === root || own.startsWith(`${root}/`)) return { root, point };
  }
  return undefined;
}

function isV1(type: string | undefined, options: string, controller: string): boolean {
  return type === 'cgroup' && options.split(',').includes(controller);
}

/** Blanks and the like are written as `\040`. */
function unescaped(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
