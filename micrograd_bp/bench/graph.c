/* Value and gradients of a graph of scalars, written by hand: any graph, and one chain. */

#include <math.h>
#include <string.h>

enum { ADD, SUB, MUL, TANH, SIN };

/* v: the leaves, then room for n more nodes; g: room for as many; returns the last node. */
double graph(int leaves, int n, const int *op, const int *left, const int *right, double *v,
             double *g)
{
    for (int k = 0; k < n; k++) {
        double x = v[left[k]], y = v[right[k]];
        switch (op[k]) {
        case ADD: v[leaves + k] = x + y; break;
        case SUB: v[leaves + k] = x - y; break;
        case MUL: v[leaves + k] = x * y; break;
        case TANH: v[leaves + k] = tanh(x); break;
        case SIN: v[leaves + k] = sin(x); break;
        }
    }
    memset(g, 0, (leaves + n) * sizeof *g);
    g[leaves + n - 1] = 1.0;
    for (int k = n - 1; k >= 0; k--) {
        int i = left[k], j = right[k];
        double z = v[leaves + k], u = g[leaves + k];
        switch (op[k]) {
        case ADD: g[i] += u, g[j] += u; break;
        case SUB: g[i] += u, g[j] -= u; break;
        case MUL: { double x = v[i], y = v[j]; g[i] += u * y, g[j] += u * x; break; }
        case TANH: g[i] += u * (1.0 - z * z); break;
        case SIN: g[i] += u * cos(v[i]); break;
        }
    }
    return v[leaves + n - 1];
}

/* v <- w v + u, n times, v kept in `path`; the leaves are v, w, u, and g their gradients. */
double chain(int n, const double *leaves, double *path, double *g)
{
    double v = leaves[0], w = leaves[1], u = leaves[2], dv = 1.0, dw = 0.0, du = 0.0;
    for (int k = 0; k < n; k++) {
        path[k] = v;
        v = w * v + u;
    }
    for (int k = n - 1; k >= 0; k--) {
        du += dv;
        dw += dv * path[k];
        dv *= w;
    }
    g[0] = dv, g[1] = dw, g[2] = du;
    return v;
}
