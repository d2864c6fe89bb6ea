// What the three programs do before anything newer than Node 14 is parsed: check Node, find the build, mind closed pipes.

const NODE_MIN = [20, 19];

/** Runs `main` of the built module; says in words what is missing. */
export async function launch(load, ...args) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
    fail(
      `Node ${NODE_MIN.join('.')} or newer is needed, this is ${process.versions.node}`,
      'get one from https://nodejs.org',
    );
    return;
  }
  // Whoever reads our output may go away (a closed pipe); a server or peer must not end with them.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  let program;
  try {
    program = await load();
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    fail('this checkout is not installed or not built', 'run: npm ci');
    return;
  }
  await program.main(...args);
}

function fail(message, hint) {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  process.exitCode = 1;
}
