// Who may import whom. The table in docs/architecture.md says the same in words.
const mayImport = {
  protocol: [],
  envelope: ['protocol'],
  stego: ['protocol'],
  election: ['protocol'],
  'election-sim': ['election', 'protocol'],
  'election-net': ['election', 'protocol'],
  store: ['protocol'],
  'store-sqlite': ['store', 'protocol'],
  registry: ['protocol', 'store'],
  discovery: ['protocol', 'envelope', 'registry', 'store', 'election'],
  peer: ['protocol', 'envelope', 'stego'],
  cli: ['peer', 'discovery', 'protocol'],
};
const pure = ['protocol', 'stego', 'election', 'store'];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'pure-core',
      comment: 'no clock, socket, file or randomness of its own',
      severity: 'error',
      from: { path: `^packages/(${pure.join('|')})/src` },
      to: { dependencyTypes: ['core'] },
    },
    ...Object.entries(mayImport).map(([name, allowed]) => ({
      name: `${name}-imports`,
      severity: 'error',
      from: { path: `^packages/${name}/src`, pathNot: name === 'discovery' ? '/src/main\\.ts$' : '^$' },
      to: { path: '^packages/', pathNot: `^packages/(${[name, ...allowed].join('|')})/` },
    })),
    {
      name: 'adapters-in-main-only',
      comment: 'adapters are constructed where a process is wired, nowhere else',
      severity: 'error',
      from: { path: '^packages/discovery/src', pathNot: '/src/main\\.ts$' },
      to: { path: '^packages/(store-sqlite|election-net)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(/dist/|/test/)' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.depcruise.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types'] },
  },
};
