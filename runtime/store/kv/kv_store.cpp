#include "runtime/store/kv/kv_store.hpp"

#include <future>

namespace coppice::kv {

namespace {

/// Begins a write and waits for its callback.
template <class T, class Begin>
result<T> wait_for(const Begin& begin) {
  std::promise<result<T>> answer;
  auto outcome = answer.get_future();
  begin([&answer](result<T> x) { answer.set_value(std::move(x)); });
  return outcome.get();
}

/// Whoever wrote one document did not write a list.
error without_list(error x) {
  constexpr std::string_view list = "/operations/0";
  if (x.at.starts_with(list))
    x.at.erase(0, list.size());
  return x;
}

} // namespace

void kv_store::put(put_request request, revision_callback callback) {
  transact({{}, {operation::put(std::move(request))}},
           [callback = std::move(callback)](result<transaction_result> x) {
             callback(x ? result<uint64_t>{x->revision} : without_list(x.error()));
           });
}

void kv_store::remove(document_key key, removed_callback callback) {
  transact({{}, {operation::remove(std::move(key))}},
           [callback = std::move(callback)](result<transaction_result> x) {
             callback(x ? result<bool>{bool{x->existed[0]}} : without_list(x.error()));
           });
}

void kv_store::set_many(std::vector<put_request> requests, revision_callback callback) {
  transaction_request all;
  for (auto& x : requests)
    all.operations.push_back(operation::put(std::move(x)));
  transact(std::move(all), [callback = std::move(callback)](result<transaction_result> x) {
    callback(x ? result<uint64_t>{x->revision} : x.error());
  });
}

void kv_store::compare_and_set(put_request request, uint64_t expected, revision_callback callback) {
  auto wanted = condition::at(request.key, expected);
  transact({{std::move(wanted)}, {operation::put(std::move(request))}},
           [callback = std::move(callback)](result<transaction_result> x) {
             if (!x) {
               auto reason = without_list(std::move(x).error());
               if (reason.at.starts_with("/conditions/0"))
                 reason.at.erase(0, std::string_view{"/conditions/0"}.size());
               return callback(std::move(reason));
             }
             if (!x->failed)
               return callback(x->revision);
             auto conflict = to_error(*x->failed);
             conflict.at = "/expected";
             callback(std::move(conflict));
           });
}

result<transaction_result> kv_store::transact(transaction_request request) {
  return wait_for<transaction_result>(
    [&](auto callback) { transact(std::move(request), std::move(callback)); });
}

result<size_t> kv_store::remove_expired() {
  return wait_for<size_t>([&](auto callback) { remove_expired(std::move(callback)); });
}

result<uint64_t> kv_store::put(put_request request) {
  return wait_for<uint64_t>([&](auto callback) { put(std::move(request), std::move(callback)); });
}

result<bool> kv_store::remove(document_key key) {
  return wait_for<bool>([&](auto callback) { remove(std::move(key), std::move(callback)); });
}

result<uint64_t> kv_store::set_many(std::vector<put_request> requests) {
  return wait_for<uint64_t>(
    [&](auto callback) { set_many(std::move(requests), std::move(callback)); });
}

result<uint64_t> kv_store::compare_and_set(put_request request, uint64_t expected) {
  return wait_for<uint64_t>(
    [&](auto callback) { compare_and_set(std::move(request), expected, std::move(callback)); });
}

} // namespace coppice::kv
