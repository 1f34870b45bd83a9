#pragma once

#include <cstdint>

namespace coppice::kv {

class kv_store;
class cached_store;
class watch_subscription;
struct document_key;
struct entry;
struct put_request;
struct transaction_request;
struct transaction_result;
struct scan_request;
struct scan_page;
struct change;
struct changes_request;
struct changes_page;
struct watch_options;
struct watch_news;
struct kv_properties;

} // namespace coppice::kv
