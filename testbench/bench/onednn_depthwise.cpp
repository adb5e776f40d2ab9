#include "bench/onednn_depthwise.hpp"

#include <cmath>
#include <random>

#ifdef QUASIM_HAVE_ONEDNN
#include <dnnl.hpp>
#endif

namespace quasim::bench {

#ifdef QUASIM_HAVE_ONEDNN

struct OneDnnDepthwise::Impl {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::convolution_forward convolution;
  dnnl::memory source, weights, bias, target;
  dnnl::memory source_bcl, target_bcl;
};

OneDnnDepthwise::OneDnnDepthwise(const LayerProgram& program, std::size_t sequences,
                                 std::size_t length_elems) {
  using dnnl::memory;
  const auto batch = static_cast<memory::dim>(sequences), length = static_cast<memory::dim>(length_elems);
  const memory::dim channels = program.channels(), taps = program.taps;
  auto impl = std::make_unique<Impl>();
  const auto any = memory::format_tag::any;
  const memory::desc source({batch, channels, length}, memory::data_type::s8, any);
  const memory::desc weights({channels, 1, 1, taps}, memory::data_type::s8, any);
  const memory::desc bias({channels}, memory::data_type::f32, memory::format_tag::a);
  const memory::desc target({batch, channels, length}, memory::data_type::s8, any);
  const dnnl::convolution_forward::desc operation(dnnl::prop_kind::forward_inference,
                                                  dnnl::algorithm::convolution_direct, source, weights, bias,
                                                  target, {1}, {taps - 1}, {0});
  dnnl::primitive_attr attributes;
  const auto scale = static_cast<float>(
      std::ldexp(static_cast<double>(program.stage().multiplier), -program.stage().shift_bits));
  attributes.set_output_scales(0, {scale});
  dnnl::post_ops swish;
  swish.append_eltwise(1.0F, dnnl::algorithm::eltwise_swish, 1.0F, 0.0F);
  attributes.set_post_ops(swish);
  try {
    const dnnl::convolution_forward::primitive_desc chosen(operation, attributes, impl->engine);
    impl->convolution = dnnl::convolution_forward(chosen);
    impl->source = memory(chosen.src_desc(), impl->engine);
    impl->weights = memory(chosen.weights_desc(), impl->engine);
    impl->bias = memory(chosen.bias_desc(), impl->engine);
    impl->target = memory(chosen.dst_desc(), impl->engine);
    const memory::desc bcl({batch, channels, length}, memory::data_type::s8, memory::format_tag::ncw);
    impl->source_bcl = memory(bcl, impl->engine);
    impl->target_bcl = memory(bcl, impl->engine);
  } catch (const dnnl::error&) {
    return;  // no implementation for this processor
  }
  std::mt19937_64 random(1);
  for (memory* tensor : {&impl->source, &impl->source_bcl, &impl->weights}) {
    auto* bytes = static_cast<std::int8_t*>(tensor->get_data_handle());
    for (std::size_t i = 0; i < tensor->get_desc().get_size(); ++i)
      bytes[i] = static_cast<std::int8_t>(random() >> 56);
  }
  auto* biases = static_cast<float*>(impl->bias.get_data_handle());
  for (memory::dim c = 0; c < channels; ++c) biases[c] = 0;
  impl_ = std::move(impl);
}

void OneDnnDepthwise::run() {
  impl_->convolution.execute(impl_->stream, {{DNNL_ARG_SRC, impl_->source},
                                             {DNNL_ARG_WEIGHTS, impl_->weights},
                                             {DNNL_ARG_BIAS, impl_->bias},
                                             {DNNL_ARG_DST, impl_->target}});
  impl_->stream.wait();
}

void OneDnnDepthwise::run_bcl() {
  dnnl::reorder(impl_->source_bcl, impl_->source).execute(impl_->stream, impl_->source_bcl, impl_->source);
  run();
  dnnl::reorder(impl_->target, impl_->target_bcl).execute(impl_->stream, impl_->target, impl_->target_bcl);
  impl_->stream.wait();
}

#else

struct OneDnnDepthwise::Impl {};
OneDnnDepthwise::OneDnnDepthwise(const LayerProgram&, std::size_t, std::size_t) {}
void OneDnnDepthwise::run() {}
void OneDnnDepthwise::run_bcl() {}

#endif

OneDnnDepthwise::~OneDnnDepthwise() = default;
bool OneDnnDepthwise::available() const {
  return impl_ != nullptr;
}

}  // namespace quasim::bench
