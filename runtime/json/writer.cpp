#include "runtime/json/writer.hpp"

#include "runtime/json/base64.hpp"
#include "runtime/json/codec.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/message.hpp>

namespace coppice::json::detail {

void writer::set_error(const caf::error& reason) {
  if (failure_.code == errc::none)
    failure_ = {
      errc::invalid_value, "the value cannot be written: " + caf::to_string(reason), {}, {}};
}

value writer::write_double(double x) {
  if (std::isfinite(x))
    return value(x);
  if (failure_.code == errc::none)
    failure_ = {errc::invalid_value, "JSON has no number for NaN and infinity", {}, {}};
  return value(nullptr);
}

value writer::write_actor(const caf::strong_actor_ptr& x) const {
  if (!x)
    return value(nullptr);
  auto text = context_ ? context_->to_path(x) : caf::to_string(x);
  return value(boost::json::string_view{text});
}

value writer::write_document(const document& x) const {
  if (x.text.empty())
    return value(nullptr);
  auto parsed = parse(x.text);
  return parsed ? std::move(*parsed) : value(boost::json::string_view{x.text});
}

value writer::write_secret(const secret& x) const {
  if (context_ && context_->plain_secrets())
    return value(boost::json::string_view{x.value});
  return value("***");
}

value writer::write_message(const caf::message& x) {
  auto written = message_to_json(x, context_);
  if (written)
    return std::move(*written);
  if (failure_.code == errc::none)
    failure_ = written.error();
  return value(nullptr);
}

value writer::write_bytes(const void* data, size_t size) {
  auto text = to_base64({static_cast<const char*>(data), size});
  return value(boost::json::string_view{text});
}

value writer::write_enum(std::string_view name, int64_t number) {
  if (name.empty())
    return value(number);
  return value(boost::json::string_view{name.data(), name.size()});
}

value writer::with_form(value&& x, const alternative_node& alternative) {
  if (alternative.form == variant_form::bare)
    return std::move(x);
  boost::json::object out;
  out.emplace("type", alternative.name);
  if (alternative.form == variant_form::wrapped) {
    out.emplace("value", std::move(x));
    return out;
  }
  auto& members = x.get_object();
  out.reserve(members.size() + 1);
  for (auto& member : members)
    out.emplace(member.key(), std::move(member.value()));
  return out;
}

} // namespace coppice::json::detail
