/** What the store tells of by itself. `message` and `hint` are for people; `event` never varies. */
export type StoreLog = (
  level: 'debug' | 'warn',
  event: StoreEventName,
  fields: Readonly<Record<string, unknown>> & { readonly message: string },
) => void;

type StoreEventName =
  | 'store.writer-ended'
  | 'store.waiting'
  | 'store.unregistered'
  | 'store.log-grows'
  | 'store.untidy'
  | 'store.not-warm';
