/** A graph file below one of the roots. */
export interface GraphRow {
  name: string;
  path: string;
  changed?: string;
}
