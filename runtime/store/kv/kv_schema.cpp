#include "runtime/store/kv/kv_rows.hpp"

namespace coppice::kv {

namespace {

// The same texts as in schemas/sql/kv/; a test compares them.
constexpr store::migration kv_steps[] = {
  {1, "0001_documents.sql",
   R"sql(-- JSON documents by namespace and key, what changed of them lately, and the one counter of both.
CREATE TABLE kv_state (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  revision INTEGER NOT NULL,
  compacted INTEGER NOT NULL,
  log_changes INTEGER NOT NULL,
  log_bytes INTEGER NOT NULL
);

INSERT INTO kv_state VALUES (1, 0, 0, 0, 0);

-- Keys compare byte by byte. A row is not there from expires_ns on, and removed later.
CREATE TABLE kv_documents (
  namespace TEXT NOT NULL,
  key TEXT NOT NULL,
  revision INTEGER NOT NULL,
  expires_ns INTEGER,
  value TEXT NOT NULL,
  PRIMARY KEY (namespace, key)
);

CREATE INDEX kv_documents_expiry ON kv_documents (expires_ns, namespace, key)
  WHERE expires_ns IS NOT NULL;

-- Kind: 0 put, 1 delete, 2 expire. Whole revisions come and go.
CREATE TABLE kv_log (
  number INTEGER PRIMARY KEY,
  revision INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  namespace TEXT NOT NULL,
  key TEXT NOT NULL,
  expires_ns INTEGER,
  value TEXT NOT NULL
);

CREATE INDEX kv_log_revision ON kv_log (revision);
)sql"},
};

} // namespace

const store::schema& kv_schema() {
  static const store::schema x{"kv", kv_steps};
  return x;
}

} // namespace coppice::kv
