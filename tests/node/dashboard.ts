// What a dashboard of this repository may hold, in the types of Grafana's own schema. Every part is closed: a field that
// Grafana does not have, a word that it does not know and a field that lacks are errors of the compiler.
import type {
  AnnotationQuery,
  Dashboard,
  DashboardLink,
  DataSourceRef,
  DataTransformerConfig,
  FieldColor,
  FieldConfig,
  GraphFieldConfig,
  GridPos,
  HideableFieldConfig,
  Panel,
  RowPanel,
  TableCellOptions,
  TableFieldOptions,
  ThresholdsConfig,
  ValueMapping,
  VariableModel,
} from '@grafana/schema';
import type { Options as BarGaugeOptions } from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type {
  FieldConfig as HeatmapFieldConfig,
  Options as HeatmapOptions,
} from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type { Options as StatOptions } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type {
  FieldConfig as StateTimelineFieldConfig,
  Options as StateTimelineOptions,
} from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type { Options as TableOptions } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type { Options as TimeSeriesOptions } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

// JSON has the words of an enumeration and not its members.
type Words<T> = 0 extends 1 & T
  ? T
  : T extends string
    ? `${T}`
    : T extends object
      ? { [K in keyof T]: Words<T[K]> }
      : T;

// Prometheus' questions are no part of the schema any more; these are what its data source reads.
interface PrometheusQuery {
  refId: string;
  datasource: DataSourceRef;
  expr: string;
  legendFormat: string;
  instant: boolean;
  range: boolean;
  format: 'time_series' | 'table' | 'heatmap';
  editorMode: 'code';
}

interface DataLink {
  title: string;
  url: string;
  targetBlank: boolean;
}

interface NoFields {}

type Property =
  | { id: 'color'; value: Words<FieldColor> }
  | { id: 'unit'; value: string }
  | { id: 'decimals' | 'min' | 'max'; value: number }
  | { id: 'links'; value: DataLink[] }
  | { id: 'mappings'; value: Words<ValueMapping>[] }
  | { id: 'thresholds'; value: Words<ThresholdsConfig> }
  | { id: 'custom.cellOptions'; value: Words<TableCellOptions> };

interface Fields<Custom> {
  defaults: Omit<Words<FieldConfig>, 'custom' | 'links'> &
    Required<Pick<FieldConfig, 'unit' | 'noValue'>> & { custom: Words<Custom>; links?: DataLink[] };
  overrides: { matcher: { id: 'byName'; options: string }; properties: Property[] }[];
}

type Transformation =
  | { id: 'merge'; options: NoFields }
  | { id: 'filterFieldsByName'; options: { include: { names: string[] } } }
  | {
      id: 'organize';
      options: {
        excludeByName: Record<string, boolean>;
        indexByName: Record<string, number>;
        renameByName: Record<string, string>;
      };
    };

type Loose = 'type' | 'options' | 'fieldConfig' | 'targets' | 'transformations' | 'title' | 'description' | 'gridPos' | 'id';

type Of<Type extends string, Options, Custom> = Omit<Words<Panel>, Loose> & {
  type: Type;
  id: number;
  title: string;
  description: string;
  gridPos: GridPos;
  options: Words<Options>;
  fieldConfig: Fields<Custom>;
  targets: PrometheusQuery[];
  transformations?: Transformation[];
};

type AnyPanel =
  | Of<'stat', StatOptions, NoFields>
  | Of<'timeseries', TimeSeriesOptions, GraphFieldConfig>
  | Of<'bargauge', BarGaugeOptions, NoFields>
  | Of<'heatmap', HeatmapOptions, HeatmapFieldConfig>
  | Of<'state-timeline', StateTimelineOptions, StateTimelineFieldConfig>
  | Of<'table', TableOptions, TableFieldOptions>;

type Row = Omit<Words<RowPanel>, 'panels' | 'type'> & { type: 'row'; panels: AnyPanel[] };

type GrafanaNote = Omit<Words<AnnotationQuery>, 'target'> & { builtIn: 1 };
type PrometheusNote = Omit<Words<AnnotationQuery>, 'target' | 'builtIn'> & {
  builtIn?: never;
  target: { refId: 'Anno'; expr: string; interval: string; range: boolean };
  titleFormat: string;
  textFormat: string;
  tagKeys: string;
  useValueForTime: boolean;
};

type Named = 'panels' | 'annotations' | 'templating' | 'links';

export type OurDashboard = Omit<Words<Dashboard>, Named> &
  Required<Pick<Dashboard, 'uid' | 'title' | 'refresh' | 'timezone' | 'tags'>> & {
    panels: (AnyPanel | Row)[];
    annotations: { list: (GrafanaNote | PrometheusNote)[] };
    templating: { list: (Words<VariableModel> & { definition?: string })[] };
    links: DashboardLink[];
  };
