#pragma once

#include "runtime/cli/session.hpp"
#include "runtime/http/server.hpp"

#include <filesystem>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

/// What tests of the command line share: a node that gives recorded answers over a real Unix socket, and a person.
namespace coppice::cli::test {

/// A folder of its own with HOME and the XDG folders inside; gone afterwards.
class home {
public:
  home();
  ~home();
  home(const home&) = delete;
  home& operator=(const home&) = delete;

  const std::string& folder() const { return folder_; }

private:
  std::string folder_;
};

struct seen_request {
  std::string method;
  std::string target;
  std::string body;
  http::header_list headers;
};

/// Answers by `METHOD PATH` (without the query, percent-encoded as sent); everything else is a 404.
class fake_node {
public:
  explicit fake_node(const std::string& folder);

  void answer(const std::string& method_and_path, int status, std::string body);
  void fail(const std::string& method_and_path, errc code, std::string message, std::string at = {},
            std::string hint = {});
  /// Server-sent events, then the end. An event whose data begins with `!` is an `error` event.
  void stream(const std::string& method_and_path, std::vector<std::string> data);

  std::vector<seen_request> seen();
  seen_request last();
  std::string url() const { return "unix://" + socket_; }

private:
  void serve(http::request what, http::exchange_ptr to);

  struct recorded {
    http::response whole;
    std::vector<std::string> events;
    bool streams = false;
  };

  std::string socket_;
  std::mutex mutex_;
  std::map<std::string, recorded> answers_;
  std::vector<seen_request> seen_;
  std::unique_ptr<http::server> server_;
};

struct outcome {
  int status = 0;
  std::string out;
  std::string err;
};

/// Runs one line as a person without a terminal would.
outcome run(const std::vector<std::string>& words, const std::string& input = {},
            const cli_environment& env = {});

/// The golden file of that name; with COPPICE_REWRITE=1 it is written anew.
void check_golden(const std::string& name, const std::string& text);

json::value testdata(const std::string& name);

} // namespace coppice::cli::test
