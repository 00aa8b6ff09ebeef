#include "board/peripherals/elliptic_curve.hpp"

#include <openssl/err.h>
#include <openssl/obj_mac.h>

namespace microvisor::board {
namespace {

using Group = std::shared_ptr<EC_GROUP>;

Group owned(EC_GROUP* group) {
  return {group, [](EC_GROUP* it) { EC_GROUP_free(it); }};
}

struct Parameters {
  Number p, a, b;
  friend bool operator==(const Parameters&, const Parameters&) = default;
};

Parameters parameters_of(const EC_GROUP* group) {
  Parameters result;
  EC_GROUP_get_curve(group, result.p.get(), result.a.get(), result.b.get(), number_context());
  return result;
}

/// P-256 in the implementation made for it, ten times as fast as a curve of given parameters.
struct Prime256 {
  Group group = owned(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  Parameters parameters = parameters_of(group.get());
};

Group group_of(const Parameters& wanted) {
  static thread_local const Prime256 prime256;
  if (wanted == prime256.parameters) return prime256.group;
  EC_GROUP* group = EC_GROUP_new_curve_GFp(wanted.p.get(), wanted.a.get(), wanted.b.get(), number_context());
  if (group == nullptr) {
    ERR_clear_error();
    return nullptr;
  }
  return owned(group);
}

}  // namespace

EllipticCurve::EllipticCurve(const Number& p, const Number& a, const Number& b)
    : group_(p.odd() ? group_of({p, a % p, b % p}) : nullptr) {}

EllipticCurve EllipticCurve::through(const CurvePoint& point, const Number& p, const Number& a) {
  const Number b = (point.y * point.y - point.x * point.x * point.x - a * point.x) % p;
  return {p, a, b};
}

EllipticCurve::Point EllipticCurve::import(const CurvePoint& point) const {
  Point result(EC_POINT_new(group_.get()));
  const bool done =
      result != nullptr &&
      (point.infinity ? EC_POINT_set_to_infinity(group_.get(), result.get()) == 1
                      : EC_POINT_set_affine_coordinates(group_.get(), result.get(), point.x.get(),
                                                        point.y.get(), number_context()) == 1);
  if (!done) {
    ERR_clear_error();
    result.reset();
  }
  return result;
}

std::optional<CurvePoint> EllipticCurve::report(const Point& point) const {
  CurvePoint result;
  if (EC_POINT_is_at_infinity(group_.get(), point.get()) == 1) {
    result.infinity = true;
    return result;
  }
  if (EC_POINT_get_affine_coordinates(group_.get(), point.get(), result.x.get(), result.y.get(),
                                      number_context()) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  return result;
}

std::optional<CurvePoint> EllipticCurve::multiply(const Number& scalar, const CurvePoint& point) const {
  if (group_ == nullptr) return std::nullopt;
  const Point factor = import(point);
  const Point product(EC_POINT_new(group_.get()));
  if (factor == nullptr || product == nullptr) return std::nullopt;
  if (EC_POINT_mul(group_.get(), product.get(), nullptr, factor.get(), scalar.get(), number_context()) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  return report(product);
}

std::optional<CurvePoint> EllipticCurve::add(const CurvePoint& a, const CurvePoint& b) const {
  if (group_ == nullptr) return std::nullopt;
  const Point first = import(a), second = import(b);
  const Point sum(EC_POINT_new(group_.get()));
  if (first == nullptr || second == nullptr || sum == nullptr) return std::nullopt;
  if (EC_POINT_add(group_.get(), sum.get(), first.get(), second.get(), number_context()) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  return report(sum);
}

}  // namespace microvisor::board
