#include "federation/bytes.h"

#include <array>

namespace dure {
namespace {

constexpr char kStandard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kUrl[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string Encode64(ByteView bytes, const char* alphabet, bool pad) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t n = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = uint32_t{bytes[i]} << 16;
    if (n > 1) group |= uint32_t{bytes[i + 1]} << 8;
    if (n > 2) group |= bytes[i + 2];
    for (size_t k = 0; k < 4; ++k) {
      if (k <= n) {
        out.push_back(alphabet[(group >> (18 - 6 * k)) & 63]);
      } else if (pad) {
        out.push_back('=');
      }
    }
  }
  return out;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

// A table, since an audit decodes every entry of the record and a branch a character costs more
// than its signature's share allows.
constexpr std::array<int8_t, 256> kBase64Values = [] {
  std::array<int8_t, 256> values{};
  for (int c = 0; c < 256; ++c) values[c] = static_cast<int8_t>(Base64Value(static_cast<char>(c)));
  return values;
}();
int Base64At(char c) { return kBase64Values[static_cast<uint8_t>(c)]; }

}  // namespace

std::string ToHex(ByteView bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

Result<Bytes> FromHex(std::string_view text) {
  if (text.size() % 2 != 0) return Fail(ErrorCode::kInvalid, "hex text has an odd length");
  Bytes out(text.size() / 2);
  for (size_t i = 0; i < out.size(); ++i) {
    const int high = HexValue(text[2 * i]);
    const int low = HexValue(text[2 * i + 1]);
    if (high < 0 || low < 0) return Fail(ErrorCode::kInvalid, "not a hex digit");
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return out;
}

std::string ToBase64(ByteView bytes) { return Encode64(bytes, kStandard, true); }
std::string ToBase64Url(ByteView bytes) { return Encode64(bytes, kUrl, false); }

Result<Bytes> FromBase64(std::string_view text) {
  for (int padding = 0; padding < 2 && !text.empty() && text.back() == '='; ++padding) {
    text.remove_suffix(1);
  }
  if (text.size() % 4 == 1)
    return Fail(ErrorCode::kInvalid, "base64 text has an impossible length");
  Bytes out(text.size() * 3 / 4);
  uint8_t* to = out.data();
  while (text.size() >= 4) {
    const int a = Base64At(text[0]), b = Base64At(text[1]), c = Base64At(text[2]),
              d = Base64At(text[3]);
    if ((a | b | c | d) < 0) return Fail(ErrorCode::kInvalid, "not a base64 character");
    const uint32_t whole = static_cast<uint32_t>(a << 18 | b << 12 | c << 6 | d);
    *to++ = static_cast<uint8_t>(whole >> 16);
    *to++ = static_cast<uint8_t>(whole >> 8);
    *to++ = static_cast<uint8_t>(whole);
    text.remove_prefix(4);
  }
  uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const int value = Base64At(c);
    if (value < 0) return Fail(ErrorCode::kInvalid, "not a base64 character");
    group = group << 6 | static_cast<uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      *to++ = static_cast<uint8_t>(group >> bits);
      group &= (1u << bits) - 1;
    }
  }
  if (group != 0) return Fail(ErrorCode::kInvalid, "base64 text has stray bits at its end");
  return out;
}

}  // namespace dure
