/** Tests of core may read SQL, as every Node program of ours. */
import { useNodeSqlParser } from '../src/node/sql-parser.ts';

useNodeSqlParser();
