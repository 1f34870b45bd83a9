#pragma once

// A real node with its admin API, in this process and a folder of its own; no cluster, no NATS.
#include "runtime/admin/admin.hpp"
#include "runtime/base/duration.hpp"
#include "runtime/http/client.hpp"
#include "runtime/json/value.hpp"
#include "runtime/node/node.hpp"
#include "runtime/store/testing.hpp"

#include <catch2/catch_test_macros.hpp>

#include <map>
#include <memory>
#include <string>

namespace coppice::admin::test {

/// Types of the tests, registered once a process: test.set, test.get, test.number, test.block, test.fail.
catalog test_catalog();

/// Lets every test.block handler go on.
void release_blocked();
bool somebody_is_blocked();

/// Asks one admin API.
class asking {
public:
  http::response call(const std::string& method, const std::string& target,
                      const std::string& body = {}, const http::header_list& headers = {});
  json::value get(const std::string& target, int status = 200);
  json::value post(const std::string& target, const std::string& body = {}, int status = 200);

  /// Expects a problem document with that status and code; gives it.
  json::value problem(const http::response& x, int status, errc code);

  /// The first `count` events of a stream.
  std::vector<http::event> stream(const std::string& target, size_t count,
                                  const http::header_list& headers = {},
                                  const std::string& method = "GET",
                                  const std::string& last_event_id = {});

  std::string socket_url;
};

class running_node : public asking {
public:
  /// `sections`: YAML beside node and user.
  explicit running_node(const std::string& sections = {}, bool start = true,
                        const std::string& name = "alpha");
  ~running_node();

  /// Starts the node and waits until its tree is up.
  void start_node();

  /// Starts the admin API.
  void listen();

  testing::temp_folder folder;
  std::unique_ptr<node> owner;
  std::unique_ptr<admin_server> server;

private:
  bool started_ = false;
};

std::string text_at(const json::value& x, std::string_view pointer);

/// Looks again and again until it is true; false after ten seconds.
bool wait_until(const std::function<bool()>& condition);

} // namespace coppice::admin::test
