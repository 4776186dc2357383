#include "model/cpu/matmul.h"

#include <oneapi/dnnl/dnnl.h>

#include "federation/check.h"

namespace dure::model::cpu {
namespace {

struct Transposes {
  char a;
  char b;
};

void Call(Transposes transposes, MatmulSize size, Matrix a, Matrix b, MutableMatrix c,
          MatmulScale scale) {
  if (size.rows == 0 || size.columns == 0) return;
  const auto dim = [](size_t n) { return static_cast<dnnl_dim_t>(n); };
  const dnnl_status_t status = dnnl_sgemm(
      transposes.a, transposes.b, dim(size.rows), dim(size.columns), dim(size.inner), scale.alpha,
      a.data, dim(a.stride), b.data, dim(b.stride), scale.beta, c.data, dim(c.stride));
  DURE_CHECK(status == dnnl_success, "strides and sizes come from a validated configuration");
}

}  // namespace

void MatmulTransposed(MatmulSize size, Matrix a, Matrix b, MutableMatrix c, MatmulScale scale) {
  Call({'N', 'T'}, size, a, b, c, scale);
}

void Matmul(MatmulSize size, Matrix a, Matrix b, MutableMatrix c, MatmulScale scale) {
  Call({'N', 'N'}, size, a, b, c, scale);
}

void TransposedMatmul(MatmulSize size, Matrix a, Matrix b, MutableMatrix c, MatmulScale scale) {
  Call({'T', 'N'}, size, a, b, c, scale);
}

}  // namespace dure::model::cpu
