/** The two sets of timings that figures are published for. */

const DEFAULT = {
  heartbeat_interval_ms: 1000,
  election_timeout_min_ms: 2000,
  election_timeout_max_ms: 5000,
  leader_term_ms: 10_000,
  net_timeout_ms: 1000,
  cpu_refresh_ms: 500,
  election_retry_ms: 1000,
};

/** As the configuration file writes them. */
export const TIMINGS = {
  default: DEFAULT,
  fast: {
    heartbeat_interval_ms: 100,
    election_timeout_min_ms: 300,
    election_timeout_max_ms: 600,
    leader_term_ms: 1000,
    net_timeout_ms: 200,
    cpu_refresh_ms: 50,
    election_retry_ms: 100,
  },
} satisfies Record<string, Record<string, number>>;

export type TimingsName = keyof typeof TIMINGS;
export type TimingKeys = typeof DEFAULT;
