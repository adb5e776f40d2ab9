"""Puts a configuration's numbers in place of every convolution and SiLU of a model."""

import functools

from ..capture.hook import Hook
from ..capture.record import to_numpy
from ..refusal import Refusal
from .configurations import Configuration
from .numerics import TO_PROJECTION, TO_SSM, Numbers, layer_of


class Replacement:
    """While it is entered, the model's convolutions are those of a configuration. decodes: the model may go on token by token behind a
    sequence, of which the last samples are kept for that."""

    def __init__(self, sites, configuration: Configuration, scales, measured, device, config=None, golden=None, decodes=True):
        self._numbers, self._handles, self._waiting, self._history, self._decodes = {}, [], {}, {}, decodes
        self._sites = sites
        for site in sites:
            if site.label not in scales:
                raise Refusal("scales", site.label, "scales of every layer of the model", "none")
            if configuration.mode != "baseline" and not hasattr(getattr(site.owner, "x_proj", None), "register_forward_pre_hook"):
                raise Refusal("model", site.path, f"a module x_proj beside it, as {configuration.name} needs", "none")
            bias = None if site.conv.bias is None else to_numpy(site.conv.bias.float())
            layer = layer_of(configuration, site, to_numpy(site.conv.weight.float())[:, 0], bias, scales[site.label], measured, config)
            self._numbers[site.label] = Numbers(configuration, layer, device, golden)
        self._hook = Hook(sites, self._replace, instead=True)
        self.differing = sum(numbers.differing for numbers in self._numbers.values())

    @property
    def layers(self):
        return {label: numbers.layer for label, numbers in self._numbers.items()}

    def __enter__(self):
        self.enter_again()
        return self

    def __exit__(self, *reason):
        self.leave()
        self.close()

    def enter_again(self):
        """Puts the numbers in place; after leave() again, as often as wanted."""
        self._hook.__enter__()
        for site in self._sites:
            projection = getattr(site.owner, "x_proj", None)
            if projection is not None:
                self._handles.append(projection.register_forward_pre_hook(functools.partial(self._to_projection, site.label)))

    def leave(self):
        """Gives the model its own convolutions back."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._hook.__exit__()

    def close(self):
        for numbers in self._numbers.values():
            numbers.close()

    def require_all(self):
        self._hook.require_all()

    def _replace(self, call):
        from .grid import from_grid, to_grid

        if call.activation != "silu":
            raise Refusal("model", call.site.path, "activation silu", call.activation)
        numbers = self._numbers[call.site.label]
        channels_last = call.x.stride(1) == 1 and call.x.shape[2] > 1
        x = call.x.transpose(1, 2) if channels_last else call.x
        if channels_last and not call.decode and not self._decodes:
            out = numbers.between_floats(x)
            if out is not None:
                return out.transpose(1, 2)
        samples = to_grid(x, numbers.along(numbers.input_scale, channels_last))
        results = numbers.run(self._with_history(call, samples, numbers, channels_last), channels_last)
        if call.decode:
            results = {name: values[..., -1:] for name, values in results.items()}
        grid = from_grid(results[TO_PROJECTION], numbers.along(numbers.output_scale, channels_last), x.dtype)
        if TO_SSM in results:
            self._waiting[call.site.label] = grid if channels_last else grid.transpose(1, 2)
            out = results[TO_SSM].to(x.dtype)
        else:
            out = grid
        return out.transpose(1, 2) if channels_last else out

    def _with_history(self, call, samples, numbers, channels_last):
        """A decoded token behind the samples that its taps reach, which are kept from call to call; a whole sequence as it is."""
        import torch

        reach = numbers.layer.taps - 1
        if not call.decode:
            if not self._decodes:
                return samples
            last = (samples.transpose(1, 2) if channels_last else samples)[..., -reach:]
            self._history[call.site.label] = torch.nn.functional.pad(last, (reach - last.shape[-1], 0))
            return samples
        history = self._history.get(call.site.label)
        if history is None or history.shape[:2] != samples.shape[:2] or samples.shape[2] != 1:
            raise Refusal("model", call.site.path, "one token behind a sequence that was seen", f"{list(samples.shape)}")
        whole = torch.cat([history, samples], -1)
        self._history[call.site.label] = whole[..., 1:]
        return whole

    def _to_projection(self, label, _module, arguments):
        """x_proj takes the int8 path, whatever the SSM takes."""
        waiting = self._waiting.pop(label, None)
        return None if waiting is None else (waiting.reshape(arguments[0].shape), *arguments[1:])
