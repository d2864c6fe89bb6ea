/** `identity show`: who I am here, to be compared out of band. */

import { fingerprint, listImages } from '@cloud-steg/peer';
import { type CommandModule, userOption } from '../command.ts';
import type { UserFlags } from '../context.ts';
import { formatBytes } from '../wording.ts';

export const identityCommand: CommandModule = (program, runner) => {
  const group = program.command('identity').description('your keys, and those you have met');
  group
    .command('show')
    .description('your name, fingerprint and profile, and the fingerprints of people you have met')
    .addOption(userOption())
    .action(
      runner.run<UserFlags>(async (context, flags) => {
        const peer = await context.openPeer(flags);
        const { username, profile } = peer;
        const { identity, address, servers } = profile;
        const own = fingerprint(identity.signing.publicKey);
        const images = listImages(peer.database);
        const contacts = peer.contacts.all().map((contact) => ({
          username: contact.username,
          fingerprint: fingerprint(contact.ed25519),
          verified: false,
        }));
        context.output.print(
          {
            username,
            fingerprint: own,
            ed25519: identity.signing.publicKey,
            x25519: identity.agreement.publicKey,
            address,
            servers,
            dataDir: context.directory.root,
            images,
            contacts,
          },
          [
            `👤 ${username} @ ${address.host}:${address.port}`,
            `   🔑 fingerprint ${own}`,
            `   Servers: ${servers.join(', ')}`,
            `   Data: ${context.directory.root}`,
            `   📷 ${images.length} image(s):`,
            ...images.map(({ index, name, bytes }) => `      [${index}] ${name} (${formatBytes(bytes)})`),
            `   People met (${contacts.length}):`,
            ...contacts.map((contact) => `      ${contact.username}  ${contact.fingerprint}  unverified`),
          ],
        );
        context.output.note('', 'Compare fingerprints over another channel, such as a call.');
      }),
    );
};
