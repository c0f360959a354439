/** The package's version, as in package.json. */
export const APP_VERSION = '0.1.0';

/** Raised whenever a kernel's bits change: runs made under another number may drift from a replay. */
export const NUMERICS_VERSION = 2;
