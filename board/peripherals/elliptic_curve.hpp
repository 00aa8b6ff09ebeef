// Points on a short Weierstrass curve over a prime field, for PKA: y^2 = x^3 + a*x + b mod p.
#pragma once

#include <openssl/ec.h>

#include <memory>
#include <optional>

#include "board/peripherals/big_number.hpp"

namespace microvisor::board {

/// In affine coordinates.
struct CurvePoint {
  Number x, y;
  bool infinity = false;
};

class EllipticCurve {
 public:
  EllipticCurve(const Number& p, const Number& a, const Number& b);
  /// The curve with this `p` and `a` that goes through `point`: operations that are not given b find it so.
  [[nodiscard]] static EllipticCurve through(const CurvePoint& point, const Number& p, const Number& a);

  // Nothing is the answer when a point is not on the curve or when p is no prime.
  [[nodiscard]] std::optional<CurvePoint> multiply(const Number& scalar, const CurvePoint& point) const;
  [[nodiscard]] std::optional<CurvePoint> add(const CurvePoint& a, const CurvePoint& b) const;

 private:
  struct FreePoint {
    void operator()(EC_POINT* point) const { EC_POINT_clear_free(point); }
  };
  using Point = std::unique_ptr<EC_POINT, FreePoint>;

  [[nodiscard]] Point import(const CurvePoint& point) const;
  [[nodiscard]] std::optional<CurvePoint> report(const Point& point) const;

  std::shared_ptr<EC_GROUP> group_;  ///< null if OpenSSL makes no curve of the parameters
};

}  // namespace microvisor::board
