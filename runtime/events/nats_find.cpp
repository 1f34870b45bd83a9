#include "runtime/events/nats_process.hpp"
#include "runtime/events/nats_server.hpp"

#include <cstdlib>
#include <sstream>

#include <unistd.h>

namespace coppice::events {

namespace {

constexpr int oldest_major = 2, oldest_minor = 10;

bool is_program(const std::string& path) {
  return !path.empty() && ::access(path.c_str(), X_OK) == 0;
}

std::string variable(const char* name) {
  auto* text = std::getenv(name);
  return text == nullptr ? std::string{} : std::string{text};
}

bool is_new_enough(const std::string& version) {
  int major = 0, minor = 0;
  char dot = 0;
  std::istringstream in(version);
  in >> major >> dot >> minor;
  return major > oldest_major || (major == oldest_major && minor >= oldest_minor);
}

std::vector<std::string> candidates(const std::vector<std::string>& also) {
  std::vector<std::string> out;
  if (auto prefix = variable("COPPICE_DEPS_PREFIX"); !prefix.empty())
    out.push_back(prefix + "/bin/nats-server");
  out.insert(out.end(), also.begin(), also.end());
  std::istringstream path(variable("PATH"));
  for (std::string folder; std::getline(path, folder, ':');)
    if (!folder.empty())
      out.push_back(folder + "/nats-server");
  return out;
}

} // namespace

result<std::string> nats_server_version(const std::string& binary) {
  auto text = detail::output_of({binary, "--version"});
  if (!text)
    return text.error();
  // `nats-server: v2.10.27`
  auto begin = text->find('v', text->find(':') == std::string::npos ? 0 : text->find(':'));
  auto end = begin == std::string::npos ? begin : text->find_first_not_of("0123456789.", begin + 1);
  if (begin == std::string::npos || end == begin + 1)
    return error{errc::refused, "does not say its version; is it a nats-server?", binary};
  return text->substr(begin + 1, end == std::string::npos ? end : end - begin - 1);
}

result<std::string> find_nats_server(const std::vector<std::string>& also) {
  // Who names one means that one: no other is taken in its place.
  if (auto named = variable("COPPICE_NATS_SERVER"); !named.empty()) {
    if (!is_program(named))
      return error{errc::not_found, "COPPICE_NATS_SERVER names no program: " + named};
    auto version = nats_server_version(named);
    if (!version)
      return version.error();
    if (!is_new_enough(*version))
      return error{errc::refused,
                   "nats-server " + *version + " is too old; 2.10 or newer is needed", named};
    return named;
  }
  std::string too_old;
  for (const auto& path : candidates(also)) {
    if (!is_program(path))
      continue;
    auto version = nats_server_version(path);
    if (version && is_new_enough(*version))
      return path;
    too_old += " " + path + " (" + (version ? *version : std::string{"no version"}) + ")";
  }
  if (!too_old.empty())
    return error{errc::refused, "2.10 or newer is needed; found only" + too_old};
  return error{errc::not_found, "no nats-server; looked at COPPICE_NATS_SERVER, "
                                "$COPPICE_DEPS_PREFIX/bin and PATH"};
}

} // namespace coppice::events
