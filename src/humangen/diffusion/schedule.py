"""The one definition of the noise process that training, validation and sampling share."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler
from torch import Tensor

from humangen.types import InputError


class Solver(Protocol):
    """A diffusers scheduler ready for one sampling run: `timesteps`, and `step(prediction, t, latents)`."""

    timesteps: Tensor

    def step(self, model_output: Tensor, timestep: Tensor, sample: Tensor, *, return_dict: bool) -> tuple: ...


class Schedule(Protocol):
    """z_t from (z_0, noise, t), what the network predicts, and the way back. Timesteps are (K,), 0..999.

    `prediction` is diffusers' word for what the network predicts."""

    prediction: str

    def draw(self, count: int, generator: torch.Generator) -> Tensor: ...

    def add_noise(self, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor: ...

    def target(self, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor: ...

    def clean(self, noisy: Tensor, prediction: Tensor, timestep: Tensor) -> Tensor: ...

    def snr(self, timestep: Tensor) -> Tensor: ...

    def solver(self, name: str, num_steps: int) -> Solver: ...


def _check_steps(num_steps: int, num_timesteps: int) -> None:
    if not 1 <= num_steps <= num_timesteps:
        raise InputError(
            f"sampling cannot take {num_steps} steps: this schedule has {num_timesteps}, and 1 is the least"
        )


def _like(values: Tensor, tensor: Tensor) -> Tensor:
    """Per-clip values (K,) broadcast over `tensor` (K, ...)."""
    return values.to(tensor).reshape(-1, *[1] * (tensor.dim() - 1))


def _shifted(share: Tensor, shift: float, num_timesteps: int) -> Tensor:
    """Timesteps of `share` u in [0, 1] moved to s u / (1 + (s - 1) u) (Esser et al. 2024, section 5.3.2): a shift s
    above 1 trains more on the noisy steps, where the layout is decided."""
    moved = shift * share / (1 + (shift - 1) * share)
    return (moved * num_timesteps).long().clamp(max=num_timesteps - 1)


class Ddim(DDIMScheduler):
    """DDIM whose steps end at the next timestep (diffusers steps 1000 // num_steps, which drifts where that is
    not whole), the last one at the clean latents."""

    def step(self, model_output: Tensor, timestep: Tensor, sample: Tensor, return_dict: bool = False) -> tuple:
        clean, noise = self.estimate(model_output, timestep, sample)
        return (self.joined(clean, noise, timestep),)

    def estimate(self, model_output: Tensor, timestep: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """The clean latents and the noise that a prediction says `sample` is made of."""
        abar = self.alphas_cumprod[timestep]
        signal, spread = abar.sqrt(), (1 - abar).sqrt()
        if self.config.prediction_type == "epsilon":
            return (sample - spread * model_output) / signal, model_output
        if self.config.prediction_type == "sample":
            return model_output, (sample - signal * model_output) / spread
        return signal * sample - spread * model_output, signal * model_output + spread * sample

    def joined(self, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """Latents at the timestep after this one."""
        after = self.timesteps[self.timesteps < timestep]
        target = self.alphas_cumprod[after[0]] if len(after) else torch.ones(())
        return target.sqrt() * clean + (1 - target).sqrt() * noise


class Consistency(Ddim):
    """Steps of a latent consistency model (Luo et al. 2023, Algorithm 3): the estimate of the clean latents, noised
    again for the next timestep. The noise is the one that sampling began with, so that a frame's stays its own."""

    noise: Tensor | None = None

    def step(self, model_output: Tensor, timestep: Tensor, sample: Tensor, return_dict: bool = False) -> tuple:
        if self.noise is None:
            self.noise = sample
        clean, _ = self.estimate(model_output, timestep, sample)
        return (self.joined(clean, self.noise, timestep),)


class VarianceSchedule:
    """z_t = sqrt(abar_t) z_0 + sqrt(1 - abar_t) eps, the betas of Stable Diffusion.

    `zero_snr` rescales them so that the last step is pure noise (Lin et al. 2023, Algorithm 1), which only a
    v or sample prediction can learn from. Training draws timesteps uniformly, then moves them by `shift`.
    """

    solvers = {"ddim": Ddim, "dpm": DPMSolverMultistepScheduler, "lcm": Consistency}

    def __init__(
        self,
        *,
        prediction: Literal["v_prediction", "epsilon", "sample"] = "v_prediction",
        zero_snr: bool = True,
        beta_start: float = 0.00085,
        beta_end: float = 0.012,
        num_timesteps: int = 1000,
        shift: float = 1.0,
    ) -> None:
        if prediction == "epsilon" and zero_snr:
            raise InputError("prediction 'epsilon' learns nothing at zero SNR: set zero_snr=false")
        self.prediction: str = prediction
        self.shift = shift
        self.config = {
            "num_train_timesteps": num_timesteps,
            "beta_schedule": "scaled_linear",
            "beta_start": beta_start,
            "beta_end": beta_end,
            "prediction_type": prediction,
            "rescale_betas_zero_snr": zero_snr,
            "timestep_spacing": "trailing",
        }
        self.abar = DDIMScheduler(**self.config).alphas_cumprod

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        return _shifted(torch.rand(count, generator=generator), self.shift, len(self.abar))

    def scales(self, timestep: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """sqrt(abar_t) and sqrt(1 - abar_t), shaped to multiply `like`."""
        abar = self.abar.to(timestep.device)[timestep.long()]
        return _like(abar.sqrt(), like), _like((1 - abar).sqrt(), like)

    def add_noise(self, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        signal, spread = self.scales(timestep, clean)
        return signal * clean + spread * noise

    def target(self, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        if self.prediction == "epsilon":
            return noise
        if self.prediction == "sample":
            return clean
        signal, spread = self.scales(timestep, clean)
        return signal * noise - spread * clean

    def clean(self, noisy: Tensor, prediction: Tensor, timestep: Tensor) -> Tensor:
        """The estimate of z_0."""
        signal, spread = self.scales(timestep, noisy)
        if self.prediction == "epsilon":
            return (noisy - spread * prediction) / signal
        if self.prediction == "sample":
            return prediction
        return signal * noisy - spread * prediction

    def snr(self, timestep: Tensor) -> Tensor:
        abar = self.abar.to(timestep.device)[timestep.long()]
        return abar / (1 - abar)

    def solver(self, name: str, num_steps: int) -> Solver:
        if name not in self.solvers:
            raise InputError(f"no solver {name!r} for this schedule; there are {', '.join(self.solvers)}")
        _check_steps(num_steps, len(self.abar))
        options = {"clip_sample": False, "set_alpha_to_one": True} if name != "dpm" else {}
        solver = self.solvers[name](**self.config, **options)
        solver.set_timesteps(num_steps)
        return solver


class FlowSchedule:
    """z_t = (1 - s) z_0 + s eps with s = (t + 1) / 1000, predicting eps - z_0 (rectified flow).

    Timesteps are drawn with a logit-normal density (Esser et al. 2024, section 3.1), then moved by `shift`.
    """

    prediction = "flow_prediction"

    def __init__(self, *, num_timesteps: int = 1000, shift: float = 1.0) -> None:
        self.num_timesteps, self.shift = num_timesteps, shift

    def sigma(self, timestep: Tensor) -> Tensor:
        return (timestep.float() + 1) / self.num_timesteps

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        return _shifted(torch.randn(count, generator=generator).sigmoid(), self.shift, self.num_timesteps)

    def add_noise(self, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        sigma = _like(self.sigma(timestep), clean)
        return (1 - sigma) * clean + sigma * noise

    def target(self, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        return noise - clean

    def clean(self, noisy: Tensor, prediction: Tensor, timestep: Tensor) -> Tensor:
        return noisy - _like(self.sigma(timestep), noisy) * prediction

    def snr(self, timestep: Tensor) -> Tensor:
        sigma = self.sigma(timestep)
        return ((1 - sigma) / sigma) ** 2

    def solver(self, name: str, num_steps: int) -> Solver:
        if name != "euler":
            raise InputError(f"no solver {name!r} for a flow; there is euler")
        _check_steps(num_steps, self.num_timesteps)
        solver = FlowMatchEulerDiscreteScheduler(num_train_timesteps=self.num_timesteps)
        solver.set_timesteps(sigmas=np.linspace(1, 1 / num_steps, num_steps))  # trailing, as the others
        # diffusers counts t = 1000 s; here t = 1000 s - 1, so that every schedule shares the range 0..999
        solver.timesteps = solver.timesteps - 1
        return solver
