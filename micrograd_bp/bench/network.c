/* Value and gradients of a ReLU network over a batch, written by hand for sizes known to the
   compiler: SIZES is {inputs, units of layer 1, ...}, LAYERS and WIDEST follow from it, N is the
   batch, HINGE says which loss, LAM is that of the L2 penalty.

   Activations lie unit by unit, the examples of a unit side by side, so that every loop over
   examples is one of vectors. The batch is filled up with examples whose deltas are 0. */

#include <math.h>
#include <string.h>

typedef double vec __attribute__((vector_size(32)));
typedef long long mask __attribute__((vector_size(32)));

enum { M = (N + 15) / 16 * 4 }; /* vectors of 4 examples, by fours */

static const int size[] = SIZES;
static vec a[LAYERS + 1][WIDEST][M], d[2][WIDEST][M];

static double total(vec s) { return s[0] + s[1] + (s[2] + s[3]); }

static vec where_positive(vec z, vec x) { return (vec)((mask)(z > 0.0) & (mask)x); }

/* out[j] = base[j] + sum over k of W[j * dj + k * dk] in[k] */
static void product(int nj, int nk, const double *W, int dj, int dk, const double *base,
                    vec (*in)[M], vec (*out)[M])
{
    for (int m = 0; m < M; m += 4)
        for (int j = 0; j < nj; j++) {
            double b = base ? base[j] : 0.0;
            vec s0 = {b, b, b, b}, s1 = s0, s2 = s0, s3 = s0;
            for (int k = 0; k < nk; k++) {
                double w = W[j * dj + k * dk];
                s0 += w * in[k][m];
                s1 += w * in[k][m + 1];
                s2 += w * in[k][m + 2];
                s3 += w * in[k][m + 3];
            }
            out[j][m] = s0, out[j][m + 1] = s1, out[j][m + 2] = s2, out[j][m + 3] = s3;
        }
}

static double hinge(const double *Y, double *z, double *delta)
{
    double value = 0.0;
    for (int i = 0; i < N; i++) {
        double margin = 1.0 - Y[i] * z[i];
        value += margin > 0.0 ? margin : 0.0;
        delta[i] = margin > 0.0 ? -Y[i] / N : 0.0;
    }
    return value / N;
}

static double cross_entropy(int classes, const double *Y, double (*z)[4 * M],
                            double (*delta)[4 * M])
{
    double value = 0.0;
    for (int i = 0; i < N; i++) {
        double top = z[0][i], sum = 0.0;
        for (int c = 1; c < classes; c++)
            top = z[c][i] > top ? z[c][i] : top;
        for (int c = 0; c < classes; c++)
            sum += delta[c][i] = exp(z[c][i] - top);
        for (int c = 0; c < classes; c++) {
            value -= Y[i * classes + c] * (z[c][i] - top);
            delta[c][i] = (delta[c][i] / sum - Y[i * classes + c]) / N;
        }
        value += log(sum);
    }
    return value / N;
}

double step(const double *theta, const double *X, const double *Y, double *gradient)
{
    const double *W[LAYERS];
    double value, *x = (double *)a[0];
    int parameters = 0;
    for (int i = 0; i < N; i++)
        for (int k = 0; k < size[0]; k++)
            x[k * 4 * M + i] = X[i * size[0] + k];
    for (int l = 0; l < LAYERS; l++) {
        int nin = size[l], nout = size[l + 1];
        W[l] = theta + parameters;
        parameters += nout * (nin + 1);
        product(nout, nin, W[l], nin, 1, W[l] + nout * nin, a[l], a[l + 1]);
        for (int j = 0; l < LAYERS - 1 && j < nout; j++)
            for (int m = 0; m < M; m++)
                a[l + 1][j][m] = where_positive(a[l + 1][j][m], a[l + 1][j][m]);
    }
    memset(d[LAYERS % 2], 0, size[LAYERS] * sizeof d[0][0]);
    if (HINGE)
        value = hinge(Y, (double *)a[LAYERS], (double *)d[LAYERS % 2]);
    else
        value = cross_entropy(size[LAYERS], Y, (void *)a[LAYERS], (void *)d[LAYERS % 2]);
    for (int l = LAYERS - 1; l >= 0; l--) {
        int nin = size[l], nout = size[l + 1];
        vec(*delta)[M] = d[(l + 1) % 2], (*before)[M] = d[l % 2];
        double *dW = gradient + (W[l] - theta), *db = dW + nout * nin;
        for (int j = 0; j < nout; j++) {
            vec s = {0};
            for (int m = 0; m < M; m++)
                s += delta[j][m];
            db[j] = total(s);
            for (int k = 0; k < nin; k++) {
                vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
                for (int m = 0; m < M; m += 4) {
                    s0 += delta[j][m] * a[l][k][m];
                    s1 += delta[j][m + 1] * a[l][k][m + 1];
                    s2 += delta[j][m + 2] * a[l][k][m + 2];
                    s3 += delta[j][m + 3] * a[l][k][m + 3];
                }
                dW[j * nin + k] = total((s0 + s1) + (s2 + s3));
            }
        }
        if (l == 0)
            break;
        product(nin, nout, W[l], 1, nin, NULL, delta, before);
        for (int k = 0; k < nin; k++)
            for (int m = 0; m < M; m++)
                before[k][m] = where_positive(a[l][k][m], before[k][m]);
    }
    if (LAM > 0.0) {
        double squares = 0.0;
        for (int p = 0; p < parameters; p++) {
            squares += theta[p] * theta[p];
            gradient[p] += LAM * theta[p];
        }
        value += 0.5 * LAM * squares;
    }
    return value;
}
