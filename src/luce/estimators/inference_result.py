"""What a fitted softmax regression says about its coefficients, and how surely."""

from collections.abc import Collection
from functools import cached_property
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from luce.errors import ParameterError
from luce.estimators.blas_threads import one_blas_thread
from luce.estimators.inference_margins import MarginalEffects
from luce.estimators.inference_rows import Fitted
from luce.estimators.inference_summary import Block, Estimates, Summary, whole
from luce.solvers.likelihood import Maximum
from luce.solvers.marginal_effects import average_effects
from luce.solvers.profile import profile_bound

Doubles = NDArray[np.float64]


class ChiSquareTest(NamedTuple):
    """A test whose statistic follows a chi-square distribution where the hypothesis holds."""

    statistic: float
    df: float
    p_value: float


@final
class Inference:
    """What a fitted softmax regression says about its coefficients, and how surely.

    Made by `luce.inference`. The coefficients are those of each class against the reference class,
    in the units of the features; names and orientation of all arrays are those of statsmodels'
    ``MNLogit`` results (for two classes those of ``Logit``, as one column).

    Attributes
    ----------
    names : tuple of str
        The columns: "const" first where there is an intercept, then the features.
    classes : array of shape (n_classes,)
    reference : a label
        The class that the others are compared with.
    params : array of shape (n_columns, n_classes - 1)
        Coefficients at the optimum, which is found again to full precision: the `tol` of a fit
        leaves an error that may be many standard errors of a large data set (`moved`).
    bse, tvalues, pvalues : arrays of the same shape
        Standard errors, z values, two-sided p-values of the hypothesis that a coefficient is 0.
    cov_type : str
    nobs : float
        Sum of the weights.
    llf, llnull : float
        Log-likelihood, and that of the class shares alone.
    prsquared : float
        McFadden's pseudo R-squared, ``1 - llf / llnull``.
    llr, llr_pvalue : float
        Likelihood-ratio statistic against the class shares; its p-value (NaN for a penalised fit).
    df_model, df_resid : float
        Parameters beyond one constant a class, and rows less all parameters. For a penalised fit
        the effective number of parameters, the trace of information times covariance.
    aic, bic : float
    moved : float
        How far the model's own coefficients were from the optimum, in standard errors.
    """

    def __init__(self, fitted: Fitted, top: Maximum, covariance: Doubles, cov_type: str) -> None:
        self._fitted, self._top, self._covariance = fitted, top, covariance
        self.names, self.classes, self.cov_type = fitted.names, fitted.classes, cov_type
        self.reference = fitted.classes.tolist()[fitted.likelihood.reference]
        self.moved = top.moved
        self.params: Doubles = (top.beta @ fitted.to_raw.T).T
        self.nobs = float(fitted.totals.sum())
        self.bse: Doubles = np.sqrt(self.cov_params().diagonal()).reshape(self.params.T.shape).T
        self.tvalues: Doubles = self.params / self.bse
        self.pvalues: Doubles = 2 * stats.norm.sf(np.abs(self.tvalues))
        self._set_fit()

    def _set_fit(self) -> None:
        likelihood, top = self._fitted.likelihood, self._top
        extra = 0.5 * float(np.vdot(likelihood.penalty_on(top.beta), top.beta))
        self.llf = extra - top.here.value
        shares = self._fitted.totals[self._fitted.totals > 0]
        self.llnull = float(shares @ np.log(shares / shares.sum()))
        self.prsquared = 1 - self.llf / self.llnull
        constants = len(self.classes) - 1
        parameters = float(self.params.size)
        if self._fitted.penalised:
            information = likelihood.information(top.here)
            parameters = float(top.factor.solve(information).trace())
        self.df_model = parameters - constants
        self.df_resid = self.nobs - parameters
        self.aic = 2 * parameters - 2 * self.llf
        self.bic = float(np.log(self.nobs)) * parameters - 2 * self.llf
        self.llr = 2 * (self.llf - self.llnull)
        comparable = not self._fitted.penalised and self.df_model > 0
        self.llr_pvalue = float(stats.chi2.sf(self.llr, self.df_model)) if comparable else np.nan

    def cov_params(self) -> Doubles:
        """Return the covariance of the coefficients, class after class, each with all columns.

        Returns
        -------
        array of shape (n, n), n = n_columns * (n_classes - 1)
            In the order of ``params.ravel(order="F")``.
        """
        turn, m = self._fitted.to_raw, len(self._covariance)
        d = len(turn)
        half = (turn @ self._covariance.reshape(-1, d, m)).reshape(m, m)
        full = (turn @ half.T.reshape(-1, d, m)).reshape(m, m)
        return np.asarray((full + full.T) / 2)

    def conf_int(self, level: float = 0.95) -> Doubles:
        """Return Wald intervals: estimate plus and minus a multiple of its standard error.

        Parameters
        ----------
        level : float, default=0.95
            Probability that an interval holds the true value, in large samples.

        Returns
        -------
        array of shape (n_classes - 1, n_columns, 2)
        """
        half = stats.norm.isf((1 - _checked(level)) / 2) * self.bse
        ends = np.stack([self.params - half, self.params + half], axis=-1)
        return np.asarray(ends.transpose(1, 0, 2))

    def profile_conf_int(
        self, level: float = 0.95, columns: Collection[str] | None = None
    ) -> Doubles:
        """Return profile-likelihood intervals: the values that a likelihood-ratio test keeps.

        They need no symmetry and hold where few rows decide; each end costs about five passes over
        the rows. `cov_type` has no part in them.

        Parameters
        ----------
        level : float, default=0.95
            As in `conf_int`.
        columns : list of str, optional
            Which of `names`; default: all.

        Returns
        -------
        array of shape (n_classes - 1, len(columns), 2)

        Raises
        ------
        ConvergenceError
            An end was not found.
        """
        drop = float(stats.chi2.ppf(_checked(level), 1)) / 2
        chosen = [self._column(name) for name in (self.names if columns is None else columns)]
        free, d = self._top.beta.shape
        ends = np.empty((free, len(chosen), 2))
        with one_blas_thread():  # the solvers share out the rows
            for j in range(free):
                for c, column in enumerate(chosen):
                    direction = np.zeros((free, d))
                    direction[j] = self._fitted.to_raw[column]
                    for end, side in enumerate((-1, 1)):
                        ends[j, c, end] = profile_bound(
                            self._fitted.likelihood, self._top, direction.ravel(), drop, side
                        )
        return ends

    def wald_test(self, columns: Collection[str]) -> ChiSquareTest:
        """Test that the coefficients of some columns are 0 in every class.

        Parameters
        ----------
        columns : list of str
            Which of `names`.

        Returns
        -------
        ChiSquareTest
        """
        chosen = [self._column(name) for name in columns]
        size = len(self.names)
        at = [j * size + c for j in range(self.params.shape[1]) for c in chosen]
        estimate = self.params.ravel(order="F")[at]
        spread = self.cov_params()[np.ix_(at, at)]
        statistic = float(estimate @ np.linalg.solve(spread, estimate))
        return ChiSquareTest(statistic, len(at), float(stats.chi2.sf(statistic, len(at))))

    def lr_test(self, smaller: "Inference") -> ChiSquareTest:
        """Test a smaller model, fitted to the same rows with some of the columns, against this one.

        Parameters
        ----------
        smaller : Inference

        Returns
        -------
        ChiSquareTest

        Raises
        ------
        ParameterError
            The models are penalised, or the other is not smaller, or has other rows.
        """
        if self._fitted.penalised or smaller._fitted.penalised:
            raise ParameterError(
                "a likelihood-ratio test needs two models fitted without a penalty, got a finite C."
                " Fit both with C=np.inf."
            )
        df = self.df_model - smaller.df_model
        same = np.array_equal(self._fitted.totals, smaller._fitted.totals)
        if not (df > 0 and same and set(smaller.names) <= set(self.names)):
            raise ParameterError(
                "the other model must have some of the columns of this one and the same rows, got"
                f" {len(smaller.names)} columns beside {len(self.names)} and {smaller.nobs:g} rows"
                f" beside {self.nobs:g}. Pass the smaller of two nested models."
            )
        statistic = 2 * (self.llf - smaller.llf)
        return ChiSquareTest(statistic, df, float(stats.chi2.sf(statistic, df)))

    def marginal_effects(self) -> MarginalEffects:
        """Return the average change of each probability for a small change of each feature.

        Returns
        -------
        MarginalEffects
            With standard errors by the delta method.
        """
        fitted = self._fitted
        with one_blas_thread():
            found = average_effects(fitted.likelihood, self._top.beta)
        features = len(fitted.names) - fitted.has_constant
        per_unit = np.diag(fitted.to_raw[int(fitted.has_constant) :, :features])[:, None]
        effects = found.effects[:, :features].T * per_unit
        jacobian = found.jacobian[:, :features].transpose(1, 0, 2)  # (d, k, m)
        variance = np.einsum("cjm,cjm->cj", jacobian @ self._covariance, jacobian)
        return MarginalEffects(
            effects,
            np.sqrt(variance) * per_unit,
            fitted.names[int(fitted.has_constant) :],
            fitted.classes,
            fitted.target,
        )

    def summary(self, level: float = 0.95) -> Summary:
        """Return the tables that statsmodels prints: text, and HTML in a notebook.

        Parameters
        ----------
        level : float, default=0.95
            Of the intervals.

        Returns
        -------
        Summary
        """
        fitted, binary = self._fitted, len(self.classes) == 2
        names = [str(name) for name in self.classes[fitted.likelihood.others].tolist()]
        intervals = self.conf_int(level)
        blocks = []
        for j, name in enumerate(names):
            estimates = Estimates(
                self.params[:, j],
                self.bse[:, j],
                self.tvalues[:, j],
                self.pvalues[:, j],
                intervals[j],
            )
            blocks.append(Block("" if binary else f"{fitted.target}={name}", self.names, estimates))
        left = (
            ("Dep. Variable:", fitted.target),
            ("Model:", "Logit" if binary else "MNLogit"),
            ("Method:", "Penalised MLE" if fitted.penalised else "MLE"),
            ("Penalty:", f"L2, C={fitted.C:g}" if fitted.penalised else "none"),
            ("Reference:", str(self.reference)),
            ("converged:", "True"),
            ("Covariance Type:", self.cov_type),
        )
        right = (
            ("No. Observations:", whole(self.nobs)),
            ("Df Residuals:", whole(self.df_resid)),
            ("Df Model:", whole(self.df_model)),
            ("Pseudo R-squ.:", f"{self.prsquared:#6.4g}"),
            ("Log-Likelihood:", f"{self.llf:#8.5g}"),
            ("LL-Null:", f"{self.llnull:#8.5g}"),
            ("LLR p-value:", f"{self.llr_pvalue:#6.4g}"),
        )
        title = f"{'Logit' if binary else 'MNLogit'} Regression Results"
        return Summary(title, left, right, tuple(blocks), level=level, notes=self._notes)

    @cached_property
    def _notes(self) -> tuple[str, ...]:
        notes = []
        if self._fitted.penalised and self.cov_type == "nonrobust":
            notes.append(
                f"The fit is penalised (C={self._fitted.C:g}). Coefficients are shrunken towards 0;"
                " standard errors are those\nof the posterior under the normal prior that the"
                " penalty stands for. They are no frequentist errors: fit with C=np.inf."
            )
        elif self._fitted.penalised:
            notes.append(
                f"The fit is penalised (C={self._fitted.C:g}). Coefficients are shrunken towards 0;"
                " standard errors tell how they\nvary about their shrunken means, and leave the"
                " bias out: fit with C=np.inf."
            )
        if self._fitted.weighted:
            notes.append("Rows are weighted by class; the log-likelihood is that of the weights.")
        return tuple(notes)

    def __repr__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def _column(self, name: str) -> int:
        if name not in self.names:
            raise ParameterError(
                f"a column must be one of {', '.join(self.names)}, got {name!r}. Pass one of these."
            )
        return self.names.index(name)


def _checked(level: float) -> float:
    if not 0 < level < 1:
        raise ParameterError(
            f"level must lie between 0 and 1, got {level!r}. Pass 0.95 for intervals of 95 %."
        )
    return level
