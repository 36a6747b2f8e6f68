package grafana

// The part of Grafana's dashboard JSON (schema version 41, Grafana 11.6 and later) that these dashboards use.

type dashboard struct {
	UID           string      `json:"uid"`
	Title         string      `json:"title"`
	Description   string      `json:"description"`
	Tags          []string    `json:"tags"`
	Timezone      string      `json:"timezone"`
	Editable      bool        `json:"editable"`
	GraphTooltip  int         `json:"graphTooltip"`
	SchemaVersion int         `json:"schemaVersion"`
	Refresh       string      `json:"refresh"`
	Time          timeRange   `json:"time"`
	Templating    templating  `json:"templating"`
	Annotations   annotations `json:"annotations"`
	Links         []link      `json:"links"`
	Panels        []panel     `json:"panels"`
}

type timeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type templating struct {
	List []variable `json:"list"`
}

type variable struct {
	Name        string      `json:"name"`
	Label       string      `json:"label"`
	Description string      `json:"description"`
	Type        string      `json:"type"`
	Query       string      `json:"query"`
	Datasource  *datasource `json:"datasource,omitempty"`
	Multi       bool        `json:"multi"`
	IncludeAll  bool        `json:"includeAll"`
	Current     *option     `json:"current,omitempty"`
	Refresh     int         `json:"refresh,omitempty"`
	Sort        int         `json:"sort,omitempty"`
}

type option struct {
	Text  []string `json:"text"`
	Value []string `json:"value"`
}

type annotations struct {
	List []annotation `json:"list"`
}

// annotation is a query whose columns time, timeEnd, text and tags become regions on the charts.
type annotation struct {
	Name       string     `json:"name"`
	Datasource datasource `json:"datasource"`
	Enable     bool       `json:"enable"`
	Hide       bool       `json:"hide"`
	IconColor  string     `json:"iconColor"`
	Target     target     `json:"target"`
}

type link struct {
	Title       string   `json:"title"`
	Type        string   `json:"type"`
	Tags        []string `json:"tags"`
	AsDropdown  bool     `json:"asDropdown"`
	KeepTime    bool     `json:"keepTime"`
	IncludeVars bool     `json:"includeVars"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type panel struct {
	ID              int              `json:"id"`
	Type            string           `json:"type"`
	Title           string           `json:"title"`
	Description     string           `json:"description"`
	Datasource      datasource       `json:"datasource"`
	GridPos         gridPos          `json:"gridPos"`
	Interval        string           `json:"interval,omitempty"`
	Repeat          string           `json:"repeat,omitempty"`
	RepeatDirection string           `json:"repeatDirection,omitempty"`
	MaxPerRow       int              `json:"maxPerRow,omitempty"`
	Targets         []target         `json:"targets"`
	Transformations []transformation `json:"transformations,omitempty"`
	FieldConfig     fieldConfig      `json:"fieldConfig"`
	Options         any              `json:"options"`
}

type gridPos struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

// target is a query of the ClickHouse data source. Format 1 is a table: states are text, which a time series cannot hold.
type target struct {
	RefID         string     `json:"refId"`
	Datasource    datasource `json:"datasource"`
	EditorType    string     `json:"editorType"`
	QueryType     string     `json:"queryType"`
	Format        int        `json:"format"`
	RawSQL        string     `json:"rawSql"`
	PluginVersion string     `json:"pluginVersion"`
}

type transformation struct {
	ID      string         `json:"id"`
	Options map[string]any `json:"options"`
}

type fieldConfig struct {
	Defaults  defaults   `json:"defaults"`
	Overrides []override `json:"overrides"`
}

type defaults struct {
	Unit     string         `json:"unit,omitempty"`
	NoValue  string         `json:"noValue"`
	Min      *float64       `json:"min,omitempty"`
	Mappings []valueMapping `json:"mappings,omitempty"`
	Color    *color         `json:"color,omitempty"`
	Custom   map[string]any `json:"custom,omitempty"`
}

type color struct {
	Mode       string `json:"mode"`
	FixedColor string `json:"fixedColor,omitempty"`
}

type override struct {
	Matcher    matcher    `json:"matcher"`
	Properties []property `json:"properties"`
}

type matcher struct {
	ID      string `json:"id"`
	Options string `json:"options"`
}

type property struct {
	ID    string `json:"id"`
	Value any    `json:"value"`
}

type thresholds struct {
	Mode  string          `json:"mode"`
	Steps []thresholdStep `json:"steps"`
}

// thresholdStep has no value where it holds for all that lies below the next one.
type thresholdStep struct {
	Value *float64 `json:"value"`
	Color string   `json:"color"`
}

type valueMapping struct {
	Type    string                 `json:"type"`
	Options map[string]mappingText `json:"options"`
}

type mappingText struct {
	Text  string `json:"text"`
	Color string `json:"color,omitempty"`
	Index int    `json:"index"`
}

type hideFrom struct {
	Viz     bool `json:"viz"`
	Legend  bool `json:"legend"`
	Tooltip bool `json:"tooltip"`
}

type legend struct {
	DisplayMode string   `json:"displayMode"`
	Placement   string   `json:"placement"`
	ShowLegend  bool     `json:"showLegend"`
	Calcs       []string `json:"calcs"`
}

type tooltip struct {
	Mode string `json:"mode"`
	Sort string `json:"sort"`
}
