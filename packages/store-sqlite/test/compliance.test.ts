import { GroupCommitStore } from '@cloud-steg/store';
import { describeStore } from '@cloud-steg/store/compliance';
import { openSqliteStore } from '../src/sqlite-store.ts';
import { DELETIONS_KEPT_REVISIONS, sqliteUnderTest } from './sqlite-under-test.ts';

const open = (path: string) =>
  openSqliteStore(path, {
    writer: 'inline',
    watchPollMs: 5,
    deletionsKeptRevisions: DELETIONS_KEPT_REVISIONS,
  });

describeStore('SqliteStore', () => sqliteUnderTest(open));
describeStore('GroupCommitStore over SqliteStore', () =>
  sqliteUnderTest((path) => new GroupCommitStore(open(path))),
);
