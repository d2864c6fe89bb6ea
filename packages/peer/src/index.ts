export { fingerprint } from '@cloud-steg/envelope';
export { advertisedAddresses, guessHost, isLoopback } from './addresses.ts';
export {
  capacityOf,
  coverAsUsed,
  type FoundCarrier,
  type HideJob,
  hide,
  type MadeCarrier,
} from './carrier.ts';
export {
  type CarrierEngine,
  localCarrierEngine,
  secureRandom,
  threadedCarrierEngine,
} from './carrier-engine.ts';
export { ClusterClient, statusOf } from './cluster-client.ts';
export type { Contact } from './contacts.ts';
export { keepDelivering } from './daemon.ts';
export { DataDirectory, defaultDataDirectory } from './data-directory.ts';
export { writeFileDurably } from './durable-file.ts';
export { amendGrant, type CheckedEvent, type GrantChange, grantEvents, listGrants } from './grants.ts';
export { reasonOf } from './http-call.ts';
export { loadProfile, type Profile } from './identity-file.ts';
export { type LibraryImage, listImages } from './image-library.ts';
export { listOutbox, type OutboxEntry } from './outbox.ts';
export { type P2pServer, type P2pServerOptions, type PeerEvent, startP2pServer } from './p2p-server.ts';
export { type OpenPeerOptions, openPeer, type Peer } from './peer.ts';
export { findPerson, listOnline, type OnlineUser, type Person } from './people.ts';
export { decodeCarrier, encodeCarrier, readOriginal } from './picture-codec.ts';
export type { Log, LogLevel, PeerPorts } from './ports.ts';
export { type HeartbeatOptions, keepOnline } from './presence.ts';
export { listReceived, type ReceivedImage } from './receiving.ts';
export { type RegisterOptions, type Registration, register } from './registration.ts';
export {
  type AskOptions,
  type AskResult,
  collectFiledRequests,
  denyRequest,
  pendingRequestOf,
  pendingRequests,
  requestImage,
} from './requests.ts';
export { screenPng } from './screen-picture.ts';
export { type SendOptions, type SendResult, sendImage } from './sending.ts';
export { type Display, type Inspection, inspectCarrier, type ViewResult, viewImage } from './viewing.ts';
