#include "runtime/events/nats_link.hpp"

#include <filesystem>

namespace coppice::events::detail {

namespace {

/// What is written waits up to a millisecond for company, unless the buffer is full, and so would
/// each request of a pull loop. The answers to some two hundred events fill this much; with less,
/// publishing costs more system calls.
constexpr int io_buffer_bytes = 16 << 10;

int64_t milliseconds(duration x) {
  return std::max<int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(x).count());
}

result<void> check_url(const std::string& url) {
  auto scheme = url.find("://");
  auto known =
    scheme == std::string::npos || url.starts_with("nats://") || url.starts_with("tls://");
  if (url.empty() || !known)
    return error{errc::invalid_value, "'" + url + "' is no NATS URL", "/urls", "nats://HOST:4222"};
  return {};
}

result<void> check_readable(const std::string& file) {
  if (file.empty() || std::filesystem::is_regular_file(file))
    return {};
  return error{errc::tls, "cannot be read", file};
}

result<void> set_security(natsOptions* out, const nats_options& x) {
  auto tls = !x.tls_ca_file.empty() || !x.tls_certificate_file.empty();
  for (const auto& url : x.urls)
    tls = tls || url.starts_with("tls://");
  for (const auto& file :
       {x.tls_ca_file, x.tls_certificate_file, x.tls_key_file, x.credentials_file})
    if (auto ok = check_readable(file); !ok)
      return ok;
  auto status = NATS_OK;
  auto then = [&status](natsStatus next) { status = status == NATS_OK ? next : status; };
  if (tls)
    then(natsOptions_SetSecure(out, true));
  if (!x.tls_ca_file.empty())
    then(natsOptions_LoadCATrustedCertificates(out, x.tls_ca_file.c_str()));
  if (!x.tls_certificate_file.empty())
    then(natsOptions_LoadCertificatesChain(out, x.tls_certificate_file.c_str(),
                                           x.tls_key_file.c_str()));
  if (!x.tls_hostname.empty())
    then(natsOptions_SetExpectedHostname(out, x.tls_hostname.c_str()));
  if (status != NATS_OK)
    return error{errc::tls, nats_error(status, "TLS files").message};
  if (!x.token.empty())
    then(natsOptions_SetToken(out, x.token.c_str()));
  if (!x.user.empty())
    then(natsOptions_SetUserInfo(out, x.user.c_str(), x.password.c_str()));
  if (!x.credentials_file.empty())
    then(natsOptions_SetUserCredentialsFromFiles(out, x.credentials_file.c_str(), nullptr));
  if (status != NATS_OK)
    return nats_error(status, "credentials");
  return {};
}

} // namespace

result<options_pointer> make_options(const nats_options& x) {
  if (x.urls.empty())
    return error{errc::missing_field, "a NATS connection needs a URL", "/urls", "nats://HOST:4222"};
  std::vector<const char*> urls;
  for (const auto& url : x.urls) {
    if (auto ok = check_url(url); !ok)
      return ok.error();
    urls.push_back(url.c_str());
  }
  natsOptions* raw = nullptr;
  auto status = natsOptions_Create(&raw);
  options_pointer out{raw};
  auto then = [&status](natsStatus next) { status = status == NATS_OK ? next : status; };
  then(natsOptions_SetServers(raw, urls.data(), static_cast<int>(urls.size())));
  if (!x.name.empty())
    then(natsOptions_SetName(raw, x.name.c_str()));
  then(natsOptions_SetTimeout(raw, milliseconds(x.connect_timeout)));
  then(natsOptions_SetPingInterval(raw, milliseconds(x.ping_interval)));
  then(natsOptions_SetMaxPingsOut(raw, x.pings_out_max));
  then(natsOptions_SetAllowReconnect(raw, true));
  then(natsOptions_SetMaxReconnect(raw, -1));
  then(natsOptions_SetReconnectWait(raw, milliseconds(x.reconnect_wait)));
  then(natsOptions_SetReconnectJitter(raw, milliseconds(x.reconnect_wait),
                                      milliseconds(x.reconnect_wait)));
  then(natsOptions_SetReconnectBufSize(raw, x.reconnect_buffer_bytes));
  then(natsOptions_SetMaxPendingMsgs(raw, x.subscription_pending_max));
  then(natsOptions_SetFailRequestsOnDisconnect(raw, true));
  then(natsOptions_SetIOBufSize(raw, io_buffer_bytes));
  if (status != NATS_OK)
    return nats_error(status, "connection options");
  if (auto ok = set_security(raw, x); !ok)
    return ok.error();
  return out;
}

} // namespace coppice::events::detail
