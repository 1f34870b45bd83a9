#include "runtime/cli/fake_node.test.hpp"

#include "runtime/cli/dev_state.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <fstream>

#include <stdlib.h>

namespace coppice::cli::test {

home::home() {
  std::string pattern = std::filesystem::temp_directory_path().string() + "/coppice-cli.XXXXXX";
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
  ::setenv("HOME", folder_.c_str(), 1);
  ::setenv("XDG_STATE_HOME", (folder_ + "/state").c_str(), 1);
  ::setenv("XDG_CONFIG_HOME", (folder_ + "/config").c_str(), 1);
  for (const char* name :
       {"COPPICE_NODE", "COPPICE_DATA", "COPPICE_CONTEXT", "COPPICE_YES", "COPPICE_OUTPUT"})
    ::unsetenv(name);
}

home::~home() {
  ::unsetenv("COPPICE_NODE");
  std::error_code code;
  std::filesystem::remove_all(folder_, code);
}

fake_node::fake_node(const std::string& folder) : socket_(folder + "/node.sock") {
  http::router routes;
  for (const char* method : {"GET", "POST", "DELETE"}) {
    http::route all;
    all.method = method;
    all.pattern = "/{rest*}";
    all.handler = [this](http::request what, http::exchange_ptr to) {
      serve(std::move(what), std::move(to));
    };
    routes.add(std::move(all));
  }
  http::server_options how;
  how.unix_path = socket_;
  server_ = std::make_unique<http::server>(how, std::move(routes));
  auto started = server_->start();
  REQUIRE(started);
  ::setenv("COPPICE_NODE", url().c_str(), 1);
}

void fake_node::answer(const std::string& method_and_path, int status, std::string body) {
  std::lock_guard lock{mutex_};
  answers_[method_and_path].whole = http::json(status, std::move(body));
}

void fake_node::fail(const std::string& method_and_path, errc code, std::string message,
                     std::string at, std::string hint) {
  std::lock_guard lock{mutex_};
  answers_[method_and_path].whole =
    http::problem({code, std::move(message), std::move(at), std::move(hint)});
}

void fake_node::stream(const std::string& method_and_path, std::vector<std::string> data) {
  std::lock_guard lock{mutex_};
  answers_[method_and_path].events = std::move(data);
  answers_[method_and_path].streams = true;
}

void fake_node::serve(http::request what, http::exchange_ptr to) {
  recorded found;
  {
    std::lock_guard lock{mutex_};
    seen_.push_back({what.method, what.target, what.body, what.headers});
    auto i = answers_.find(what.method + " " + what.target.substr(0, what.target.find('?')));
    if (i == answers_.end()) {
      to->respond(http::problem({errc::not_found, "nothing recorded for " + what.target, "", ""}));
      return;
    }
    found = i->second;
  }
  if (!found.streams) {
    to->respond(found.whole);
    return;
  }
  auto events = to->stream();
  int id = 0;
  for (const auto& data : found.events) {
    auto failed = data[0] == '!';
    events->send_event(std::to_string(++id), failed ? "error" : "", failed ? data.substr(1) : data);
  }
  events->close();
}

std::vector<seen_request> fake_node::seen() {
  std::lock_guard lock{mutex_};
  return seen_;
}

seen_request fake_node::last() {
  std::lock_guard lock{mutex_};
  return seen_.empty() ? seen_request{} : seen_.back();
}

outcome run(const std::vector<std::string>& words, const std::string& input,
            const cli_environment& env) {
  std::ostringstream out;
  std::ostringstream err;
  std::istringstream in{input};
  screen where;
  where.out = &out;
  where.err = &err;
  where.in = &in;
  session s{env, where, {}};
  outcome done;
  done.status = run_line(s, words);
  done.out = out.str();
  done.err = err.str();
  return done;
}

void check_golden(const std::string& name, const std::string& text) {
  auto file = std::string{COPPICE_TEST_DATA} + "/testdata/" + name;
  if (std::getenv("COPPICE_REWRITE") != nullptr) {
    std::ofstream{file} << text;
    return;
  }
  auto expected = read_text_file(file);
  REQUIRE(expected);
  CHECK(*expected == text);
}

json::value testdata(const std::string& name) {
  auto raw = read_text_file(std::string{COPPICE_TEST_DATA} + "/testdata/" + name);
  REQUIRE(raw);
  auto parsed = json::parse(*raw);
  REQUIRE(parsed);
  return std::move(*parsed);
}

} // namespace coppice::cli::test
